"""What must hold behind the cells of ``09b_privacy_and_internals``, on any machine and corpus."""

HOLDS = {
    "9b01d4f6b8": lambda table, course: (
        course.profile == "smoke" or any(row[2] == row[3] for row in table)
    ),
    "9b02b2d4f6": lambda order: sorted(order) == list(range(1000)),
    "9b02c3e5a7": lambda plain, course: (
        all(0 <= bits <= 9.97 for _, bits in plain)
        and (course.profile == "smoke" or (plain[0][1] < 4 and plain[-1][1] > 8))
    ),
    "9b03a1c3e5": lambda kept_once, plain, course: (
        course.profile == "smoke" or kept_once[-1][1] < plain[-1][1] - 1
    ),
    "9b04a1c3e5": lambda loss_members, loss_others: len(loss_members) == len(loss_others) == 400,
    "9b04b2d4f6": lambda caught, course: (
        course.profile == "smoke"
        or caught["model of like text"]["caught"][0] > 3 * caught["loss alone"]["caught"][0]
    ),
    "9b05b2d4f6": lambda norms: norms.min() > 1,
    "9b05d4f6b8": lambda found: list(found.values()) == sorted(found.values(), reverse=True),
    "9b05e5a7c9": lambda hidden: hidden[1][1] < 5,
    "9b05f6b8da": lambda cost, course: (
        course.profile == "smoke"
        or (cost["public only"] > cost["private"] > cost["trained as usual"])
    ),
    "9b06c3e5a7": lambda results, claim, course: (
        results["as published"][1] <= claim
        and (course.profile == "smoke" or claim < results["without clipping"][1])
    ),
    "9b07b2d4f6": lambda extracted: all(
        some["word for word"][0] <= 1 for some in extracted.values()
    ),
    "9b08b2d4f6": lambda habit: len(habit) == 15 and all(0 <= v <= 1 for v in habit.values()),
    "9b08c3e5a7": lambda habit, quiet, course: (
        quiet <= 6
        and (
            course.profile == "smoke"
            or all(habit[size, 80] >= habit[size, 20] for size in (100, 200, 400))
        )
    ),
    "9b09a1c3e5": lambda score, embeds: score(embeds).item() > -1.0,
    "9b09b2d4f6": lambda falls: max(falls, key=falls.get) == " capital" and min(falls.values()) > 0,
    "9b09c3e5a7": lambda missing: missing[-1][1] < missing[0][1] / 2,
    "9b09e5a7c9": lambda looks: int(looks.argmax()) == 0,
    "9b11b2d4f6": lambda side: side["layer 20"]["right side"][0] >= 17,
    "9b11d4f6b8": lambda as_it_is: (
        as_it_is["gives the word away"][0] <= 3 and as_it_is["refuses twins"][0] <= 2
    ),
    "9b11e5a7c9": lambda found: (
        found["added"]["refuses twins"][0] >= 8 > found["random one added"]["refuses twins"][0]
    ),
    "9b11f6b8da": lambda tails: all(len(some) == 8 for some in tails.values()),
    "9b11a7c9eb": lambda table: float(table[0][1]) > float(table[1][1]) > float(table[3][1]),
    "9b12b2d4f6": lambda danger: danger.shape == (108, 108),
    "9b12b3d5f7": lambda seed: seed == 4,
    "9b12f7c9eb": lambda areas, system, small, none: (
        system(small.prompts(20, small.ASK, none)).item() != small.REFUSE
        or areas["erase and check"].sum() == 0
    ),
    "9b1201c3e5": lambda table: len(table) == 5,
    "9b13c3e5a7": lambda caught_at: caught_at([3, 1], [2, 0], 0.0) == 0.5,
    "9b13d4f6b8": lambda through, system, small, none: (
        system(small.prompts(20, small.ASK, none)).item() != small.REFUSE or through == 0
    ),
    "9b12d4f6b8": lambda climb: callable(climb),
    "9b12e5a7c9": lambda paths: len(paths) == 20,
    "9b10a1c3e5": lambda thoughts: "Tokyo" in thoughts[-1][1],
    "9b10b2d4f6": lambda said_tokyo: said_tokyo and min(said_tokyo) > 20,
    "9b09f6b8da": lambda cells: len(cells) == 5,
    "9b10c3e5a7": lambda losses_of: len(losses_of) == 30 and min(v for _, v in losses_of) < -1,
    "9b17b2d4f6": lambda table: len(table) == 6,
    "9b17c3e5a7": lambda hits, number: 0 <= hits <= number,
}
