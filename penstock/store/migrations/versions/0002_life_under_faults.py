"""Queues with their leases, the history of jobs, strangers, alarms, and what cleaning up needs to know."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _queues()
    _events()
    _strangers()
    _alarms()
    op.add_column("jobs", sa.Column("unreachable_since", sa.BigInteger()))
    op.create_index("ix_jobs_deleted_at_id", "jobs", ["deleted_at", "id"])
    op.add_column("runs", sa.Column("checkpoints", sa.Text()))
    op.add_column("runs", sa.Column("cleaned_at", sa.BigInteger()))


def _queues() -> None:
    """The default queue was the only one; the service makes it anew at its start."""
    op.drop_table("queues")
    op.create_table(
        "queues",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("project_id", sa.String(length=64)),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("cus", sa.Integer(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("isolation", sa.String(length=16), nullable=False),
        sa.Column("rest_url", sa.Text()),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("user_name", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("traits", sa.Text(), nullable=False),
        sa.Column("not_ready", sa.Text()),
        sa.Column("holder", sa.Text()),
        sa.Column("place", sa.Text()),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_queues_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queues")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_queues_project_id_name", "queues", ["project_id", "name"], unique=True)
    own = sa.text("project_id IS NULL")
    op.create_index("uq_queues_name", "queues", ["name"], unique=True, sqlite_where=own, postgresql_where=own)


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("job_id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.String(length=16), nullable=False),
        sa.Column("actor_name", sa.String(length=128), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("run_id", sa.String(length=32)),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_events_project_id")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_events_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_project_id_id", "events", ["project_id", "id"])
    op.create_index("ix_events_job_id_id", "events", ["job_id", "id"])


def _strangers() -> None:
    op.create_table(
        "strangers",
        sa.Column("queue_id", _ID, nullable=False),
        sa.Column("flink_job_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("is_to_stop", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["queue_id"], ["queues.id"], name=op.f("fk_strangers_queue_id")),
        sa.PrimaryKeyConstraint("queue_id", "flink_job_id", name=op.f("pk_strangers")),
    )


def _alarms() -> None:
    op.create_table(
        "topics",
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_topics")),
    )
    op.create_table(
        "alarms",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("job_id", _ID, nullable=False),
        sa.Column("topic", sa.String(length=256), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger()),
        sa.Column("sent_at", sa.BigInteger()),
        sa.Column("failure", sa.Text()),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_alarms_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alarms_due_at", "alarms", ["due_at"])
