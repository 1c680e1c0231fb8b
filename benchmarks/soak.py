"""Hours of watching, and kills of all that can be killed: does anything grow, is anything lost?

`--hours 8` (the default) plays the clips one after the other on a clock of their own, as fast as
the machine can, through everything that a watch does: finding, judging, people, rules, the
recorder with its database, the outbox with a channel. Of each round the frames are shifted and
brightened a little. Told and stored are compared with what came about; memory is the resident set
after the first simulated hour and at the end. Goals: growth under 5%, nothing lost.

`--kills 30` starts `maskwatch watch` on looped clips and kills it after a random while. Each alert
and episode that the database held before a kill must be there after it; each alert must have been
told, and not more often than once more for each kill.

`--services 30` keeps the watch running and kills what it leans on, mosquitto and then PostgreSQL,
and starts it again after a random while. Each alert that the watch says it saw must be stored, and
be told by the log and over MQTT.

`--minutes 60` watches two files and a camera over RTSP at real speed, tells a log, mosquitto and a
webhook, and is killed once.

A part of length 0 is left out.

    scripts/bench soak
    scripts/bench soak --hours 0 --kills 0 --services 0 --minutes 5
"""

from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from kit.report import Row, save, show
from kit.soak.hours import hours_at_speed
from kit.soak.kills import kills_of_mosquitto, kills_of_postgresql, kills_of_the_watch
from kit.soak.real import minutes_at_real_speed


def main(
    hours: Annotated[float, typer.Option(min=0, help="Simulated.")] = 8.0,
    rate: Annotated[float, typer.Option(min=1, help="Frames a simulated second.")] = 2.0,
    kills: Annotated[int, typer.Option(min=0, help="Of the watch.")] = 30,
    services: Annotated[int, typer.Option(min=0, help="Kills of each service.")] = 30,
    minutes: Annotated[float, typer.Option(min=0, help="At real speed.")] = 60.0,
    keep: Annotated[bool, typer.Option(help="Keep the figures.")] = True,
) -> None:
    """Measure, show, keep."""
    parts: list[tuple[str, str, float, Sequence[Callable[[], Row]]]] = [
        ("soak_hours", "hours at speed", hours, [lambda: hours_at_speed(hours, rate)]),
        ("soak_kills", "kills of the watch", kills, [lambda: kills_of_the_watch(kills)]),
        (
            "soak_services",
            "kills of services",
            services,
            [lambda: kills_of_mosquitto(services), lambda: kills_of_postgresql(services)],
        ),
        ("soak_real", "at real speed", minutes, [lambda: minutes_at_real_speed(minutes)]),
    ]
    for name, title, length, measures in parts:
        if length:
            rows = [measure() for measure in measures]
            show(title, rows)
            if keep:
                save(name, rows)


if __name__ == "__main__":
    typer.run(main)
