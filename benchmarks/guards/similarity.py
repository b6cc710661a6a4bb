"""How much of attacks is found again by `attack_similarity` once others were confirmed, and how often it is wrong.

    python benchmarks/guards/similarity.py DATA

Half of jailbreak_inthewild is confirmed; the other half, each row also with every eighth word replaced, and honest
texts are compared with it. The two halves hold many versions of the same attacks: that is what the guard is for.
"""

import random
import sys
from pathlib import Path

from attack_rules import sources

from pilothouse.guards.attack.fingerprints import Library, prints_of
from pilothouse.guards.attack.similar import AttackSimilarity
from pilothouse.stats.intervals import wilson


def main() -> None:
    draw, limit = random.Random(7), AttackSimilarity().share
    groups = {(name, label): texts for name, label, texts in sources(Path(sys.argv[1]))}
    attacks = sorted(set(groups.pop(("jailbreak_inthewild", 1))))
    draw.shuffle(attacks)
    known, others = attacks[::2], attacks[1::2]
    words = [word for text in groups[("benign_user_queries", 0)] for word in text.split()]

    def changed(text: str) -> str:
        return " ".join(draw.choice(words) if at % 8 == 0 else word for at, word in enumerate(text.split()))

    library = Library([(str(at), prints) for at, text in enumerate(known) if len(prints := prints_of(text)) >= 4])
    shown = {
        "confirmed, every eighth word another": [changed(text) for text in known],
        "the other half": others,
        **{f"{name}, label {label}": texts for (name, label), texts in groups.items()},
    }
    print(f"{len(known)} confirmed\n{'texts':44}     n   triggered   95 % interval")
    for name, texts in shown.items():
        near = [library.nearest(prints_of(text)) for text in texts]
        share = wilson(sum(one is not None and one[0] >= limit for one in near), len(texts))
        print(f"{name:44} {len(texts):5}       {share.value:.3f}   [{share.low:.3f}, {share.high:.3f}]")


if __name__ == "__main__":
    main()
