"""Cameras, episodes, alerts, deliveries, minutes, receipts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _create_seen()
    _create_told()
    _create_sums()


def _create_seen() -> None:
    op.create_table(
        "cameras",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("up", sa.Boolean, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("name", name="pk_cameras"),
    )
    op.create_table(
        "episodes",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("start", sa.Double, nullable=False),
        sa.Column("last_seen", sa.Double, nullable=False),
        sa.Column("end", sa.Double),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("broken", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_episodes"),
    )
    op.create_index("ix_episodes_start_id", "episodes", ["start", "id"])
    op.create_index("ix_episodes_end", "episodes", ["end"])


def _create_told() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("person", sa.Text),
        sa.Column("episode", sa.Text),
        sa.Column("state", sa.String(16)),
        sa.Column("rate", sa.Double),
        sa.Column("people", sa.Integer),
        sa.Column("unknown", sa.Integer),
        sa.Column("snapshot", sa.Text),
        sa.PrimaryKeyConstraint("id", "number", name="pk_alerts"),
    )
    op.create_index("ix_alerts_time_id_number", "alerts", ["time", "id", "number"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("alert", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("tried", sa.Double),
        sa.Column("next_try", sa.Double, nullable=False),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(
            ["alert", "number"], ["alerts.id", "alerts.number"], name="fk_deliveries_alerts"
        ),
        sa.UniqueConstraint("alert", "number", "channel", name="uq_deliveries"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_state_channel_id", "deliveries", ["state", "channel", "id"])


def _create_sums() -> None:
    counts = ("frames", "faces", "mask", "no_mask", "incorrect", "unknown")
    op.create_table(
        "minutes",
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("start", sa.Double, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in counts),
        sa.PrimaryKeyConstraint("camera", "start", "run", name="pk_minutes"),
    )
    op.create_index("ix_minutes_start_camera_run", "minutes", ["start", "camera", "run"])
    times = ("time", "keep_s", "keep_minutes_s")
    deleted = ("episodes", "alerts", "deliveries", "minutes", "snapshots")
    op.create_table(
        "receipts",
        sa.Column("id", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Double, nullable=False) for name in times),
        *(sa.Column(name, sa.Integer, nullable=False) for name in deleted),
        sa.PrimaryKeyConstraint("id", name="pk_receipts"),
        sqlite_autoincrement=True,
    )
