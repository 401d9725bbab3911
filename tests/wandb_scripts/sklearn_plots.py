"""A classifier and what it got right."""

import wandb
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

x, y = make_classification(n_samples=200, n_features=6, random_state=0)
x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=0)
model = RandomForestClassifier(n_estimators=10, random_state=0).fit(x_train, y_train)
guesses, probs = model.predict(x_test), model.predict_proba(x_test)
with wandb.init(project="sklearn", config=model.get_params()) as run:
    run.log({"accuracy": model.score(x_test, y_test)})
    names = [f"x{n}" for n in range(6)]
    wandb.sklearn.plot_classifier(
        model, x_train, x_test, y_train, y_test, guesses, probs, ["no", "yes"], model_name="forest", feature_names=names
    )
    wandb.sklearn.plot_confusion_matrix(y_test, guesses, ["no", "yes"])
    run.log({"roc": wandb.plot.roc_curve(y_test, probs, labels=["no", "yes"])})
