"""The demo, told in six parts, each on the public API."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console

import weft
from weft import formatting, recording, session, settings
from weft.demo import corpus
from weft.demo.app import ModuleNamer, open_app
from weft.demo.classifier import Classifier, Work
from weft.demo.judge import AnswerJudge
from weft.demo.lineage import answer_tree
from weft.demo.search import search
from weft.demo.serving import JUDGE, NAMER, serve_judge, serve_namer
from weft.demo.training import log_answers, log_training
from weft.errors import InputError, MissingExtraError, WeftError
from weft.evals import EvaluationResult
from weft.records import ReviewItem
from weft.reviews import Queue, SimulatedReviewer, estimate
from weft.scorers import EditDistance, Exact, Judge
from weft.statistics import Aggregate
from weft.tracing import set_price, start_span
from weft.training import Run

PROJECT = "demo"
DATASET = "stdlib-docstrings"
QUEUE = "module-answers"
REVIEWER = "demo-reviewer"
REVIEWER_ERROR_RATE = 0.03
SHARE_LABELLED = 0.75
TRIED_RATES, TRIED_EPOCHS = (5.0, 160.0), 2
PRICE_IN_USD, PRICE_OUT_USD = 0.15e-6, 0.60e-6
ASKED = 6


@dataclass(frozen=True, slots=True)
class Options:
    """What `weft demo` takes. ``model`` is a real model to ask instead of the one trained here."""

    directory: Path | None = None
    model: str | None = None
    examples: int = 300
    serve: bool = True
    port: int | None = None


def tell(options: Options, out: Console | None = None) -> None:
    """Run the demo and print what happens. Raises WeftError where something is missing."""
    for package, extra in (("openai", "all"), ("litellm", "all"), *([("streamlit", "all")] if options.serve else [])):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, extra)
    if options.model and not os.environ.get("OPENAI_API_KEY"):
        raise InputError(f"--model {options.model} needs a key.", remedy="Set OPENAI_API_KEY.", field="model")
    Story(options, out or Console(highlight=False, width=None if sys.stdout.isatty() else 160)).tell()


class Story:
    """One telling of the demo."""

    def __init__(self, options: Options, out: Console) -> None:
        self._options = options
        self._out = out
        self._rows: list[dict[str, str]] = []

    def tell(self) -> None:
        """All six parts, in order."""
        with ExitStack() as servers, asyncio.Runner() as self._runner:
            with self._part(1, "Data: docstrings of the standard library"):
                dataset = self._publish()
            with self._part(2, "Training: a model that names modules, and a judge of its answers"):
                self._search()
                namer, judge = self._train_namer(dataset), self._train_judge(dataset)
            with self._part(3, "Serving and tracing: an app calls the model over HTTP"):
                server = servers.enter_context(serve_namer(Classifier.from_bytes(namer.file("weights.npz")), namer.ref))
                trace_id = self._ask(server.base_url)
            with self._part(4, f"Evaluation: {self._options.examples} test examples, two code scorers and a judge"):
                referee = AnswerJudge.from_bytes(judge.file("judge.npz"))
                judging = servers.enter_context(serve_judge(referee, judge.ref))
                self._evaluate(server.base_url, dataset, judging.base_url)
            with self._part(5, "Review: ambiguous answers go to a reviewer"):
                self._review()
            with self._part(6, "Lineage: where one answer came from"):
                weft.flush()
                self._out.print(answer_tree(_store(), PROJECT, trace_id))
            weft.finish()
        self._end()

    @contextmanager
    def _part(self, number: int, title: str) -> Iterator[None]:
        self._out.print(f"[bold]{number}/6[/] {title}")
        started = perf_counter()
        yield
        self._out.print(f"    [dim]{perf_counter() - started:.1f} s[/]")

    def _say(self, text: str) -> None:
        self._out.print(f"    {text}", markup=False, soft_wrap=True)

    def _begin(self, **arguments: Any) -> Run:
        return weft.init(PROJECT, dir=self._options.directory, **arguments)

    def _end(self) -> None:
        where = self._options.directory or settings.load().dir
        self._say(f"all of it is in {where / 'weft.db'}")
        if self._options.serve:
            from weft import workbench  # noqa: PLC0415 - brings the web server, which --no-serve does without

            place = {"dir": self._options.directory}
            try:
                workbench.serve(settings.load({**place, "port": self._options.port}), open_browser=False)
            except WeftError as error:
                if self._options.port is not None or error.field != "port":
                    raise
                # Somebody serves already: any free port will do where none was asked for.
                workbench.serve(settings.load({**place, "port": 0}), open_browser=False)
        else:
            self._say("see it with: weft up")

    def _split(self, name: str) -> list[dict[str, str]]:
        return [row for row in self._rows if row["split"] == name]

    def _publish(self) -> str:
        with self._begin(kind="app", name="publish the dataset", job_type="data") as run:
            self._rows = corpus.examples()
            dataset = weft.Dataset(DATASET, [{**row, "expected": row["module"]} for row in self._rows])
            version = dataset.publish(description="Docstrings of Python's standard library and where they stand.")
            run.summary["examples"] = len(self._rows)
        sizes = ", ".join(f"{name} {len(self._split(name)):,}" for name in ("train", "judge", "test"))
        self._say(f"{version.ref}: {len(self._rows):,} descriptions ({sizes})")
        return version.ref

    def _search(self) -> None:
        with closing(session.open_store(settings.load({"dir": self._options.directory}))) as store:
            sweep, best = search(store, PROJECT, self._begin, self._split("train"), self._split("judge"))
        counts = ", ".join(f"{count} {status}" for status, count in sorted(sweep.counts.items()))
        self._say(f"sweep {sweep.name}: {counts}; best at learning rate {best.params['learning_rate']:.0f}")

    def _train_namer(self, dataset: str) -> Any:
        config = {"epochs": 14, "batch": 128, "learning_rate": 40.0, "buckets": 8192, "seed": 0}
        for rate in TRIED_RATES:
            tried = {**config, "learning_rate": rate, "epochs": TRIED_EPOCHS}
            with self._begin(kind="train", name=f"try rate {rate:g}", config=tried, group=NAMER, tags=["short"]) as run:
                self._fit(run, dataset)
        with self._begin(kind="train", name=f"train {NAMER}", config=config, group=NAMER, job_type="training") as run:
            model, held_out = self._fit(run, dataset), self._split("judge")
            log_answers(run, model, held_out)
            artifact = weft.Artifact(NAMER, type="model", metadata={"classes": len(model.classes), **config})
            artifact.add_bytes(model.to_bytes(), "weights.npz")
            logged = run.log_artifact(artifact)
            registered = run.link_artifact(logged, f"registry/{NAMER}")
            share, loss = run.summary["held_out_accuracy"], run.summary["loss"]
            self._say(f"{logged.ref}: {run.step} steps, loss {loss:.2f}, held-out accuracy {share:.1%}")
            self._say(f"registered as registry/{NAMER} v{registered.version}")
            return logged

    def _fit(self, run: Run, dataset: str) -> Classifier:
        run.use_artifact(dataset)
        train = self._split("train")
        model = Classifier(sorted({row["module"] for row in self._rows}), buckets=run.config.buckets)
        texts, labels = [row["description"] for row in train], [row["module"] for row in train]
        options = {key: run.config[key] for key in ("epochs", "batch", "learning_rate", "seed")}
        log_training(run, model, self._split("judge"), model.train(texts, labels, run_step=_train_step, **options))
        return model

    def _train_judge(self, dataset: str) -> Any:
        with self._begin(kind="train", name=f"train {JUDGE}", config={"epochs": 12}, job_type="training") as run:
            run.use_artifact(dataset)
            model = Classifier.from_bytes(run.use_artifact(NAMER).file("weights.npz"))
            rows = self._split("judge")
            questions = [row["description"] for row in rows]
            answers = [model.classes[i] for i in model.probabilities(questions).argmax(axis=1)]
            judge = AnswerJudge.fit(questions, answers, [row["module"] for row in rows])
            artifact = weft.Artifact(JUDGE, type="model", metadata={"fitted_on": "judge split"})
            artifact.add_bytes(judge.to_bytes(), "judge.npz")
            logged = run.log_artifact(artifact)
            self._say(f"{logged.ref}: fitted on {len(rows):,} answers to the judge split")
            return logged

    def _app(self, base_url: str) -> AbstractAsyncContextManager[ModuleNamer]:
        modules = sorted({row["module"] for row in self._rows})
        real = self._options.model
        return open_app(real, modules, None) if real else open_app(NAMER, modules, base_url)

    def _ask(self, base_url: str) -> str:
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # no look-up of prices over the network
        set_price(NAMER, PRICE_IN_USD, PRICE_OUT_USD)
        self._begin(kind="app", name="ask and evaluate", config={"model": self._options.model or NAMER})

        questions = [row["description"] for row in self._split("test")[:ASKED]]

        async def ask() -> tuple[str, list[str]]:
            async with self._app(base_url) as app:
                with start_span("answer some questions", "chain", input=questions) as span:
                    answers = await app.ask_all(questions)
                    span.set_output(answers)
                return span.trace_id or "", answers

        trace_id, answers = self._runner.run(ask())
        self._say(f"{len(answers)} answers in trace {trace_id}, openai and litellm in one tree")
        return trace_id

    def _evaluate(self, base_url: str, dataset: str, judge_url: str) -> None:
        examples = weft.Dataset.get(dataset).split("test").head(self._options.examples)
        judge = Judge(
            model=f"openai/{JUDGE}",
            prompt="Was the module named correctly?\n<input>{input}</input>\n<output>{output}</output>",
            name="judge",
            base_url=judge_url,
            api_key="local",
        )
        policy = weft.ReviewPolicy(
            QUEUE, judge="judge", budget=0.3, audit_floor=0.1, question="Does this description belong to this module?"
        )
        evaluation = weft.Evaluation(
            "module-naming", examples, scorers=[Exact(), EditDistance(), judge], review=policy, concurrency=16
        )

        async def evaluate() -> EvaluationResult:
            async with self._app(base_url) as app:
                return await evaluation.evaluate(app.name_module)

        result = self._runner.run(evaluate())
        self._out.print(result)
        self._promote(result)

    def _promote(self, result: EvaluationResult) -> None:
        """Into staging what was evaluated, unless another model answered or it is there already."""
        if self._options.model or any(one.stage == "staging" for one in weft.registry.versions(NAMER)):
            return
        promoted = weft.registry.promote(NAMER, "staging", reason=f"evaluated by run {result.run_id}")
        self._say(f"{promoted.ref} is in staging")

    def _review(self) -> None:
        store = _store()
        queue = Queue.open(store, PROJECT, QUEUE)
        before = estimate(store, queue.record)
        expected = {row["description"]: row["module"] for row in self._rows}

        def truth(item: ReviewItem) -> str:
            right = item.shown["output"] == expected[item.shown["input"]["description"]]
            return "correct" if right else "incorrect"

        reviewer = SimulatedReviewer(truth, name=REVIEWER, error_rate=REVIEWER_ERROR_RATE)
        waiting = queue.progress().waiting
        labelled = reviewer.work(queue, limit=max(1, round(waiting * SHARE_LABELLED)))
        after = estimate(store, queue.record)
        self._say(f"{REVIEWER} (simulated, {REVIEWER_ERROR_RATE:.0%} errors) labelled {labelled} of {waiting} waiting")
        self._say(f"share correct, by the judge alone: {_figure(before.before)}")
        self._say(f"share correct, after the labels:   {_figure(after.after)}")


@weft.op(kind="train_step", capture_input=False)
def _train_step(work: Work) -> tuple[float, float]:
    return work()


def _store() -> Any:
    return recording.require("The demo").store


def _figure(figure: Aggregate) -> str:
    text = formatting.interval(figure.value, figure.low, figure.high, figure.n)
    return text if figure.low is not None else f"{text} ({figure.reason})"
