"""Where a process was placed: container, Kubernetes, the scheduler's job, a hosted notebook. From the environment and a
few small files; nothing is asked over the network."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_CONTAINER = re.compile(r"(?:docker|containerd|crio|libpod|cri-containerd)[-/:](?P<id>[0-9a-f]{64})")
_MOUNTED = re.compile(r"/(?:containers|sandboxes)/(?P<id>[0-9a-f]{64})/")
_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

# By scheduler: the variable that says it is there, and what else is kept of it.
_JOBS: dict[str, tuple[str, dict[str, str]]] = {
    "slurm": (
        "SLURM_JOB_ID",
        {
            "name": "SLURM_JOB_NAME",
            "array_job": "SLURM_ARRAY_JOB_ID",
            "array_task": "SLURM_ARRAY_TASK_ID",
            "partition": "SLURM_JOB_PARTITION",
            "nodes": "SLURM_NODELIST",
            "tasks": "SLURM_NTASKS",
            "cluster": "SLURM_CLUSTER_NAME",
            "restarts": "SLURM_RESTART_COUNT",
            "submitted_from": "SLURM_SUBMIT_DIR",
        },
    ),
    "sagemaker": (
        "TRAINING_JOB_NAME",
        {"arn": "TRAINING_JOB_ARN", "host": "SM_CURRENT_HOST", "hosts": "SM_HOSTS", "region": "AWS_REGION"},
    ),
    "ray": ("RAY_JOB_ID", {"submission": "RAY_JOB_SUBMISSION_ID", "cluster": "RAY_CLUSTER_NAME"}),
    "lsf": ("LSB_JOBID", {"name": "LSB_JOBNAME", "index": "LSB_JOBINDEX", "queue": "LSB_QUEUE", "hosts": "LSB_HOSTS"}),
    "pbs": (
        "PBS_JOBID",
        {"name": "PBS_JOBNAME", "index": "PBS_ARRAY_INDEX", "queue": "PBS_QUEUE", "submitted_from": "PBS_O_WORKDIR"},
    ),
    "grid_engine": ("SGE_TASK_ID", {"job": "JOB_ID", "name": "JOB_NAME", "queue": "QUEUE"}),
    "azure_ml": ("AZUREML_RUN_ID", {"experiment": "AZUREML_ARM_PROJECT_NAME"}),
    "vertex_ai": ("CLOUD_ML_JOB_ID", {"project": "CLOUD_ML_PROJECT_ID", "region": "CLOUD_ML_REGION"}),
    "databricks": ("DATABRICKS_RUNTIME_VERSION", {"cluster": "DB_CLUSTER_ID"}),
}
_SAGEMAKER_JOB = "SM_TRAINING_ENV"  # older images name the job in here only
_POD = {
    "pod": ("POD_NAME", "MY_POD_NAME", "K8S_POD_NAME"),
    "namespace": ("POD_NAMESPACE", "MY_POD_NAMESPACE", "K8S_NAMESPACE"),
    "uid": ("POD_UID", "MY_POD_UID", "K8S_POD_UID"),
    "node": ("NODE_NAME", "MY_NODE_NAME", "K8S_NODE_NAME"),
    "service_account": ("POD_SERVICE_ACCOUNT", "MY_POD_SERVICE_ACCOUNT"),
    "job": ("JOB_NAME", "KUBERNETES_JOB_NAME"),
}
_IMAGES = (
    "CONTAINER_IMAGE",
    "IMAGE_NAME",
    "DOCKER_IMAGE",
    "WANDB_DOCKER",
    "SINGULARITY_CONTAINER",
    "APPTAINER_CONTAINER",
)


def placement(environ: Mapping[str, str] | None = None, root: Path = Path("/")) -> dict[str, Any]:
    """``container``, ``kubernetes``, ``jobs`` and ``notebook``, each only where there is one. Never raises.

    An image's name is known only where somebody put it into a variable (``CONTAINER_IMAGE``, ``DOCKER_IMAGE``) or the
    runtime does: a container is not told what it was made from.
    """
    env = os.environ if environ is None else environ
    told = {
        "container": _container(env, root),
        "kubernetes": _kubernetes(env, root),
        "jobs": _jobs(env),
        "notebook": notebook(env),
    }
    return {key: value for key, value in told.items() if value}


def notebook(environ: Mapping[str, str] | None = None) -> str | None:
    """``colab``, ``kaggle``, ``databricks``, ``jupyter`` or ``ipython``; None in a plain program."""
    env = os.environ if environ is None else environ
    if "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in env:
        return "colab"
    if "KAGGLE_KERNEL_RUN_TYPE" in env:
        return "kaggle"
    shell = shell_of_ipython()
    if shell is None:
        return None
    if "DATABRICKS_RUNTIME_VERSION" in env:
        return "databricks"
    return "jupyter" if hasattr(shell, "kernel") else "ipython"


def shell_of_ipython() -> Any:
    """The shell of IPython that this program runs in; None where there is none. IPython is not imported for that."""
    ipython = sys.modules.get("IPython")
    ask = getattr(ipython, "get_ipython", None)
    return None if ask is None else ask()


def _container(env: Mapping[str, str], root: Path) -> dict[str, Any]:
    text = _text(root / "proc/self/cgroup")
    found = _CONTAINER.search(text) or _MOUNTED.search(_text(root / "proc/self/mountinfo"))
    runtime = env.get("container")  # systemd's convention, kept by podman and nspawn
    if runtime is None:
        if (root / ".dockerenv").exists():
            runtime = "docker"
        elif (root / "run/.containerenv").exists():
            runtime = "podman"
        elif "SINGULARITY_CONTAINER" in env or "APPTAINER_CONTAINER" in env:
            runtime = "apptainer"
    image = next((env[name] for name in _IMAGES if env.get(name)), None)
    for line in _text(root / "run/.containerenv").splitlines():
        name, _, value = line.partition("=")
        if name == "image" and image is None:
            image = value.strip('"')
    told = {"runtime": runtime, "id": None if found is None else found["id"], "image": image}
    return {key: value for key, value in told.items() if value}


def _kubernetes(env: Mapping[str, str], root: Path) -> dict[str, Any]:
    if "KUBERNETES_SERVICE_HOST" not in env:
        return {}
    told = {key: next((env[name] for name in names if env.get(name)), None) for key, names in _POD.items()}
    told["namespace"] = told["namespace"] or _text(root / _NAMESPACE.relative_to("/")).strip()
    told["pod"] = told["pod"] or env.get("HOSTNAME")
    return {key: value for key, value in told.items() if value}


def _jobs(env: Mapping[str, str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for scheduler, (name, more) in _JOBS.items():
        if env.get(name):
            found[scheduler] = {
                "id": env[name],
                **{key: env[variable] for key, variable in more.items() if env.get(variable)},
            }
    if "sagemaker" not in found and (told := re.search(r'"job_name"\s*:\s*"([^"]+)"', env.get(_SAGEMAKER_JOB, ""))):
        found["sagemaker"] = {"id": told[1]}
    ray = getattr(sys.modules.get("ray"), "is_initialized", None)
    if "ray" not in found and ray is not None and ray():
        found["ray"] = {"id": str(sys.modules["ray"].get_runtime_context().get_job_id())}
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
