"""What protects an experiment: guardrails, the test of the split, and what adaptive weights cost and save."""

import math

import numpy as np
from looks import ALPHA, FURTHER, Floats, by_unit

from pilothouse.stats.intervals import wilson
from pilothouse.stats.sequential import (
    Sample,
    best_chances,
    contrast,
    mismatch,
    one_sided_radius,
    radius,
    tuned_scale,
)

__all__ = ["breaches", "mismatches", "thompson"]

_FIRST, _LIMIT, _LEAST = 50, 0.001, 0.05


def breaches(experiments: int, seed: int) -> None:
    """Print when a guardrail on the share of failed calls ends an experiment of 10,000 users, one call each."""
    print(
        "| failed calls, control to treatment | worse_by | arms | ended | after units of the treatment (median, 90 %) |"
    )
    print("|---|---|---|---|---|")
    cases = (
        (0.02, 0.02, 0.0, 0.5), (0.02, 0.02, 0.01, 0.5), (0.02, 0.02, 0.0, 0.1), (0.02, 0.05, 0.0, 0.5),
        (0.02, 0.10, 0.01, 0.5), (0.02, 0.10, 0.01, 0.1), (0.02, 0.50, 0.01, 0.1),
    )  # fmt: skip
    for place, (base, other, margin, share) in enumerate(cases):
        random = np.random.default_rng([seed, 300 + place])
        at: list[Floats] = []
        for begin in range(0, experiments, 100):
            size = (min(100, experiments - begin), 10_000)
            treated = random.random(size) < share
            failed = (random.random(size) < np.where(treated, other, base)).astype(np.float64)
            looks = by_unit(failed, treated, True, _FIRST)
            first = looks.error[np.arange(len(failed)), looks.ready.argmax(axis=1)]
            scale = np.array([tuned_scale(one, 2 * FURTHER, ALPHA) for one in first])[:, None]
            beyond = (looks.value - margin > one_sided_radius(looks.error, scale, ALPHA)) & looks.ready
            mine = np.cumsum(treated, axis=1)[np.arange(len(failed)), beyond.argmax(axis=1)]
            at.append(np.where(beyond.any(axis=1), mine, math.inf))
        found = np.concatenate(at)
        when = [float(np.quantile(found, q, method="higher")) for q in (0.5, 0.9)]
        times = (
            "never" if math.isinf(when[0]) else f"{when[0]:.0f}, {'never' if math.isinf(when[1]) else f'{when[1]:.0f}'}"
        )
        print(
            f"| {base:.0%} to {other:.0%} | {margin:g} | {1 - share:.0%} to {share:.0%} "
            f"| {np.isfinite(found).mean():.1%} | {times} |",
            flush=True,
        )


def mismatches(experiments: int, seed: int) -> None:
    """Print how often, and when, a split is doubted that is looked at after every 20 of 20,000 units."""
    print("| meant | given | doubted | after units (median) |\n|---|---|---|---|")
    for place, (meant, given) in enumerate(
        ((0.5, 0.5), (0.1, 0.1), (0.5, 0.52), (0.5, 0.55), (0.1, 0.12), (0.1, 0.05))
    ):
        random = np.random.default_rng([seed, 400 + place])
        seen = np.cumsum(random.binomial(20, given, (experiments, 1000)), axis=1)
        n = 20.0 * np.arange(1, 1001)
        alike = _mismatch_p(seen[:3, 49], n[49], meant)
        told = [mismatch([[n[49] - k, k]], [[1 - meant, meant]]) for k in seen[:3, 49].tolist()]
        assert np.allclose(alike, told), "the benchmark computes something else"
        doubted = _mismatch_p(seen, n, meant) < _LIMIT
        at = np.where(doubted.any(axis=1), n[doubted.argmax(axis=1)], math.inf)
        median = float(np.median(at))
        print(
            f"| {meant:.0%} | {given:.0%} | {np.isfinite(at).mean():.2%} "
            f"| {'never' if math.isinf(median) else f'{median:,.0f}'} |",
            flush=True,
        )


def thompson(experiments: int, seed: int) -> None:
    """Print what adaptive weights save and cost: 4,000 units that arrive in 40 batches, shares of success."""
    print(
        "| success, control and treatment | weights | false or wrong decisions | decided for the better arm "
        "| coverage of the interval at all looks | successes lost to the worse arm |\n|---|---|---|---|---|---|"
    )
    for base, other, again in ((0.5, 0.5, 0.0), (0.5, 0.5, 0.5), (0.5, 0.55, 0.0), (0.5, 0.6, 0.0), (0.5, 0.4, 0.0)):
        for adaptive in (False, True):
            random = np.random.default_rng([seed, 500])
            told = np.array([_one_bandit(random, base, other, adaptive, again) for _ in range(experiments)])
            wrong, right, held, lost = told.mean(axis=0)
            bounds = wilson(told[:, 0].sum(), experiments)
            print(
                f"| {base:g}, {other:g}{', units return' if again else ''} | {'thompson' if adaptive else 'even'} "
                f"| {wrong:.1%} "
                f"({bounds.low:.1%} to {bounds.high:.1%}) | {right:.0%} | {held:.1%} | {lost:.0f} |",
                flush=True,
            )


def _one_bandit(
    random: np.random.Generator, base: float, other: float, adaptive: bool, again: float
) -> tuple[float, ...]:
    """Whether it decided falsely, and rightly; whether the intervals held the truth at all looks; the regret. Each
    unit has a chance of its own, about its arm's; it makes one call when it comes and `again` calls a batch from then
    on, so that its value changes."""
    means, share = np.array([base, other]), 0.5
    arm, epoch, chance = np.zeros(0, int), np.zeros(0, int), np.zeros(0)
    calls, wins = np.zeros(0), np.zeros(0)
    wrong = right = 0.0
    held, lost, scale, decided = 1.0, 0.0, None, False
    for batch in range(40):
        new = (random.random(100) < share).astype(int)
        arm, epoch = np.concatenate([arm, new]), np.concatenate([epoch, np.full(100, batch)])
        chance = np.concatenate([chance, means[new] + (random.uniform(-0.3, 0.3, 100) if again else 0.0)])
        calls, wins = np.concatenate([calls, np.zeros(100)]), np.concatenate([wins, np.zeros(100)])
        made = random.poisson(again, len(arm)) + (epoch == batch)
        calls, wins = calls + made, wins + random.binomial(made, chance)
        lost += float((means.max() - means[new]).sum())
        y = wins / calls
        samples = [Sample.of(y[arm == one], epoch[arm == one], batch + 1) for one in (0, 1)]
        if min(one.units for one in samples) < 100:
            continue
        found = contrast(*samples, bounds=(0.0, 1.0))
        assert found.error is not None
        scale = scale or tuned_scale(found.error, FURTHER, ALPHA)
        half = float(radius(found.error, scale, ALPHA))
        held = min(held, float(abs(found.value - (other - base)) <= half))
        if not decided and abs(found.value) > half:
            decided = True
            good = np.sign(found.value) == np.sign(other - base) and other != base
            right, wrong = float(good), float(not good)
        if adaptive:
            share = _LEAST + (1 - 2 * _LEAST) * float(best_chances(samples, False, True, random)[1])
    return wrong, right, held, lost


def _mismatch_p(k: "np.ndarray", n: Floats, meant: float) -> Floats:
    """As `stats.sequential.mismatch`, for many at once."""
    lgamma, c = np.vectorize(math.lgamma), 100.0
    logs = _log_gamma_table(int(np.max(n)), c * meant), _log_gamma_table(int(np.max(n)), c * (1 - meant))
    rest = (n - k).astype(int)
    whole = lgamma(c) - lgamma(c + n)
    total = whole + logs[0][k] + logs[1][rest] - k * math.log(meant) - rest * math.log(1 - meant)
    return np.exp(-np.maximum(0.0, total))


def _log_gamma_table(most: int, a: float) -> Floats:
    """lgamma(a + k) - lgamma(a) for k from 0."""
    return np.concatenate(([0.0], np.cumsum(np.log(a + np.arange(most)))))
