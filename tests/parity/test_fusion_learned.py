"""Averages, weights, calibration and stacking against scikit-learn, scipy and independent references."""

import math
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
import scipy.special
from sklearn.covariance import ledoit_wolf
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, Ridge

sys.path.insert(0, str(Path(__file__).parent))
from test_fusion_lists import ask  # noqa: E402

TOLERANCE = 1e-9


def clicks(seed, users=40, rows=20, noise=(0.3, 0.8, 1.5)):
    """A request of probabilities, members in noise; and the same as arrays."""
    random = np.random.default_rng(seed)
    truth = 0.5 * np.repeat(random.normal(size=users), rows) + 1.2 * random.normal(size=users * rows)
    label = (random.random(truth.size) < scipy.special.expit(truth)).astype(float)
    score = scipy.special.expit(truth + np.array(noise)[:, None] * random.normal(size=(len(noise), truth.size)))
    user = np.repeat(np.arange(users), rows)
    request = {"user": user.tolist(), "values": score.tolist(), "label": label.tolist()}
    return request, score, label, user


def close(got, want, tolerance=TOLERANCE):
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance)


REQUEST, SCORE, LABEL, USER = clicks(1)
LOGIT = np.log(SCORE / (1 - SCORE))


def fused(rule, request=REQUEST, **more):
    answer = ask({**request, "rule": rule, **more})[0]
    assert "fused" in answer, answer
    return np.array(answer["fused"])


def weights(rule, request=REQUEST, **more):
    return np.array(ask({**request, "rule": rule, **more})[0]["weights"])


def test_averages():
    four = np.vstack([SCORE, 1 - SCORE[:1]])
    request = {**REQUEST, "values": four.tolist()}
    close(fused("average-geometric", request), np.exp(np.log(four).mean(0)))
    close(fused("average-median", request), np.median(four, axis=0))
    for power in [2, -1, 0.5, 7]:
        want = (four**power).mean(0) ** (1 / power)
        close(fused("average-power", request, options={"power": power}), want)
    close(fused("average-power", request, options={"power": 0}), np.exp(np.log(four).mean(0)))
    close(fused("average-trimmed", request, options={"trim": 0.25}), np.sort(four, axis=0)[1:3].mean(0))
    close(fused("average-trimmed", request, options={"trim": 0.2}), four.mean(0))


def test_averages_at_the_edges():
    zero = {"user": [0, 0], "values": [[0.0, 1.0], [0.5, 1.0]], "label": [0, 1]}
    assert fused("average-geometric", zero).tolist() == [0, 1]
    assert fused("average-power", zero, options={"power": -1}).tolist() == [0, 1]
    negative = {"open": True, "user": [0], "values": [[-1.0]], "label": [0]}
    assert "must not be negative" in ask({**negative, "rule": "average-geometric"})[0]["error"]
    assert "was expected" in ask({**zero, "rule": "average-trimmed", "options": {"trim": 0.5}})[0]["error"]


def auc(score):
    from sklearn.metrics import roc_auc_score

    return roc_auc_score(LABEL, score)


def test_performance_weights():
    above = np.array([auc(s) for s in SCORE]) - 0.5
    close(weights("performance"), above / above.sum())
    close(weights("performance-softmax", options={"temperature": 0.05}), scipy.special.softmax(above / 0.05))
    ranks = np.argsort(np.argsort(above)) + 1.0
    close(weights("performance-rank"), ranks / ranks.sum())
    inverse = 1 / ((SCORE - LABEL) ** 2).mean(1)
    close(weights("inverse-error"), inverse / inverse.sum())
    close(weights("parameters-log"), np.log1p([1000, 2000, 3000]) / np.log1p([1000, 2000, 3000]).sum())
    close(weights("depth-log"), np.log1p([1, 2, 3]) / np.log1p([1, 2, 3]).sum())


def on_simplex(loss, gradient, n):
    """The minimum of a convex function over the simplex by scipy."""
    best = scipy.optimize.minimize(
        loss,
        np.full(n, 1 / n),
        jac=gradient,
        bounds=[(0, 1)] * n,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(n)},
        method="SLSQP",
        options={"ftol": 1e-16, "maxiter": 1000},
    )
    return best.x


@pytest.mark.parametrize("seed", range(5))
def test_simplex_weights_are_those_of_a_convex_solver(seed):
    request, score, label, _ = clicks(seed, noise=(0.5, 0.7, 0.9, 1.1, 2.0))
    chance = np.where(label > 0, score, 1 - score)
    want = on_simplex(
        lambda w: -np.log(w @ chance).mean(), lambda w: -(chance / (w @ chance)).mean(1), len(score)
    )
    close(weights("learned", request), want, 1e-6)
    squares = on_simplex(
        lambda w: ((w @ score - label) ** 2).mean(),
        lambda w: 2 * (score * (w @ score - label)).mean(1),
        len(score),
    )
    close(weights("least-squares", request), squares, 1e-6)
    covariance, _ = ledoit_wolf((score - label).T)
    variance = on_simplex(lambda w: w @ covariance @ w, lambda w: 2 * covariance @ w, len(score))
    close(weights("bates-granger", request), variance, 1e-6)


def test_bates_granger_gives_clones_what_one_gets():
    request, score, _, _ = clicks(3)
    doubled = {**request, "values": np.vstack([score, score[:1]]).tolist()}
    w = weights("bates-granger", doubled)
    assert w[0] == pytest.approx(w[3], abs=1e-6)


@pytest.mark.parametrize("penalty", [0.1, 1.0, 100.0])
def test_stacking_is_that_of_scikit_learn(penalty):
    options = {"penalty": penalty}
    ridge = Ridge(alpha=penalty).fit(SCORE.T, LABEL)
    close(fused("ridge", options=options), np.clip(ridge.predict(SCORE.T), 0, 1))
    logistic = LogisticRegression(C=1 / penalty, tol=1e-12, max_iter=10000, solver="newton-cholesky")
    logistic.fit(LOGIT.T, LABEL)
    close(fused("logistic", options=options), logistic.predict_proba(LOGIT.T)[:, 1], 1e-8)


def test_ridge_for_ratings():
    random = np.random.default_rng(4)
    score = 1 + 4 * random.random((3, 200))
    label = score[0] * 0.6 + 0.5 * score[2] + random.normal(size=200)
    request = {"task": "rating", "user": (np.arange(200) // 10).tolist(), "values": score.tolist(), "label": label.tolist()}
    close(fused("ridge", request), Ridge(alpha=1).fit(score.T, label).predict(score.T))


def test_pairwise_is_logistic_regression_on_differences():
    pairs = []
    for u in np.unique(USER):
        mine = np.flatnonzero(USER == u)
        for i in mine[LABEL[mine] == 1]:
            pairs += [LOGIT[:, i] - LOGIT[:, j] for j in mine[LABEL[mine] == 0]]
    pairs = np.array(pairs)
    both = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-12, max_iter=10000, solver="newton-cholesky")
    sign = np.arange(len(pairs)) % 2 * 2 - 1  # scikit-learn wants two classes
    both.fit(pairs * sign[:, None], sign)
    close(fused("pairwise"), scipy.special.expit(both.coef_[0] @ LOGIT), 1e-7)


def test_platt_and_temperature():
    for m in range(len(SCORE)):
        request = {**REQUEST, "values": SCORE[m : m + 1].tolist()}
        f = LOGIT[m]
        up, down = LABEL.sum(), (1 - LABEL).sum()
        target = np.where(LABEL > 0, (up + 1) / (up + 2), 1 / (down + 2))

        def loss(ab):
            z = -(ab[0] * f + ab[1])
            p = scipy.special.expit(z)
            slope = (target - p)
            return (np.logaddexp(0, z) - target * z).sum(), np.array([slope @ f, slope.sum()])

        best = scipy.optimize.minimize(loss, [-1.0, 0.0], jac=True, method="BFGS", options={"gtol": 1e-10}).x
        close(fused("platt+average", request), scipy.special.expit(-(best[0] * f + best[1])), 1e-7)
        from sklearn.calibration import _sigmoid_calibration

        a, b = _sigmoid_calibration(f, LABEL)
        close(fused("platt+average", request), scipy.special.expit(-(a * f + b)), 1e-4)  # its L-BFGS stops there
        scalar = scipy.optimize.minimize_scalar(
            lambda t: (np.logaddexp(0, np.exp(t) * f) - LABEL * np.exp(t) * f).sum(), bounds=(-10, 10), method="bounded",
            options={"xatol": 1e-12},
        )
        close(fused("temperature+average", request), scipy.special.expit(np.exp(scalar.x) * f), 1e-7)


@pytest.mark.parametrize("digits", [16, 1])
def test_isotonic_is_that_of_scikit_learn(digits):
    score = np.round(SCORE, digits)
    for m in range(len(score)):
        request = {**REQUEST, "values": score[m : m + 1].tolist()}
        theirs = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(score[m], LABEL)
        close(fused("isotonic+average", request), theirs.predict(score[m]))
        state = ask({**request, "rule": "isotonic+average"})[0]["state"]
        fresh = np.linspace(0, 1, 201)
        other = {"user": [0] * 201, "values": [fresh.tolist()], "rule": "isotonic+average", "state": state}
        close(ask(other)[0]["fused"], theirs.predict(fresh))


def test_calibration_of_one_class_and_constant_scores():
    for label in ([1, 1, 1, 1], [0, 0, 0, 0], [0, 1, 1, 0]):
        request = {"user": [0, 0, 1, 1], "values": [[0.5] * 4, [0.2] * 4], "label": label}
        for norm in ["platt", "temperature", "isotonic"]:
            got = fused(f"{norm}+average", request)
            assert np.isfinite(got).all() and np.ptp(got) < 1e-12, (norm, got)


def caruana(score, label, picks=50):
    """Ensemble selection as AutoGluon does it: with replacement, from nothing, then the best prefix."""
    total, order, losses = np.zeros(score.shape[1]), [], []
    for n in range(1, picks + 1):
        of = []
        for m in range(len(score)):
            p = np.clip((total + score[m]) / n, 1e-12, 1)
            q = np.clip(1 - (total + score[m]) / n, 1e-12, 1)
            of.append(-(label * np.log(p) + (1 - label) * np.log(q)).sum())
        best = int(np.argmin(of))
        order.append(best)
        losses.append(of[best])
        total += score[best]
    kept = order[: int(np.argmin(losses)) + 1]
    return np.bincount(kept, minlength=len(score)) / len(kept)


@pytest.mark.parametrize("seed", range(6))
def test_greedy_selection(seed):
    request, score, label, _ = clicks(20 + seed, noise=(0.6, 0.7, 0.8, 0.9, 1.5))
    close(weights("greedy", request), caruana(score, label))


def test_bagged_selection_is_a_mean_of_selections_from_halves():
    request, score, label, _ = clicks(30, noise=(0.6, 0.7, 0.8, 0.9))
    w = weights("greedy-bagged", request)
    assert w.sum() == pytest.approx(1) and (w > 0).sum() >= 2
    # Twenty selections of pairs: the mean is within what pairs can give.
    halves = [caruana(score[[a, b]], label) for a in range(4) for b in range(a + 1, 4)]
    assert w.max() <= max(h.max() for h in halves) + 1e-9


def test_bayes_average_prefers_the_likelier_member():
    chance = np.where(LABEL > 0, SCORE, 1 - SCORE)
    total = np.log(chance).sum(1)
    w = weights("bayes-average")
    assert np.argmax(w) == np.argmax(total)
    clones = {**REQUEST, "values": [SCORE[0].tolist()] * 3}
    close(weights("bayes-average", clones), [1 / 3] * 3)
    # One user: every draw is the same data, so plain model averaging.
    one = {**REQUEST, "user": [0] * len(LABEL)}
    few = slice(0, 8)
    one = {"user": [0] * 8, "values": SCORE[:, few].tolist(), "label": LABEL[few].tolist()}
    close(weights("bayes-average", one), scipy.special.softmax(np.log(chance[:, few]).sum(1)))


def test_ndcg_weights_are_no_worse_than_the_starts():
    from sklearn.metrics import ndcg_score

    def value(s):
        of = [ndcg_score([LABEL[USER == u]], [s[USER == u]], k=10) for u in np.unique(USER) if LABEL[USER == u].any()]
        return np.mean(of)

    best = value(fused("ndcg"))
    assert best >= value(SCORE.mean(0)) - 1e-12
    for s in SCORE:
        assert best >= value(s) - 1e-12


@pytest.mark.parametrize("rule", ["ridge", "logistic", "pairwise", "learned", "segments", "bates-granger", "greedy-bagged", "ndcg", "bayes-average", "platt+learned"])
def test_awkward_tables(rule):
    for label in ([1, 1, 1], [0, 0, 0], [0, 1, 0]):
        for values in ([[0.5] * 3, [0.5] * 3], [[0.0, 1.0, 0.0], [0.1, 0.9, 0.3]], [[0.2, 0.3, 0.4]]):
            request = {"user": [0, 0, 0], "values": values, "label": label, "segment": [0, 0, 0]}
            got = fused(rule, request)
            assert np.isfinite(got).all() and got.min() >= 0 and got.max() <= 1
    bad = {"user": [0, 0], "values": [[0.5, math.nan], [0.5, 0.5]], "label": [0, 1]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert "row 1" in ask({**bad, "values": [[0.5, 1.5], [0.5, 0.5]], "rule": rule})[0]["error"]


def test_a_bundle_is_read_in_numpy():
    """What the state of each kind of rule gives in a few lines of numpy (N2)."""
    state = ask({**REQUEST, "rule": "logistic"})[0]["state"]
    z = np.array(state["weights"][0]) @ LOGIT + state["intercept"][0][0]
    close(fused("logistic"), 1 / (1 + np.exp(-z)))
    state = ask({**REQUEST, "rule": "isotonic+learned"})[0]["state"]
    calibrated = [np.interp(s, x, y) for s, x, y in zip(SCORE, state["curve"], state["values"])]
    close(fused("isotonic+learned"), np.array(state["inner"]["weights"][0]) @ calibrated)
    segment = (USER % 3).tolist()
    state = ask({**REQUEST, "rule": "segments", "segment": segment})[0]["state"]
    of = dict(zip(state["segments"][0], state["segment_weights"]))
    want = [np.array(of[s]) @ SCORE[:, i] for i, s in enumerate(segment)]
    close(fused("segments", segment=segment), want)
