"""The tables, once, for every database. A change here needs a migration; a test compares the two."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

# SQLite gives out ever-increasing 64-bit ids for INTEGER only; PostgreSQL needs BIGINT to reach that far.
RowId = BigInteger().with_variant(Integer, "sqlite")
Milliseconds = BigInteger

PROJECTS = Table(
    "projects",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("name", String(128), nullable=False, unique=True),
    Column("created_at", Milliseconds, server_default="0", nullable=False),
)

USERS = Table(
    "users",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("name", String(128), nullable=False, unique=True),
    Column("password", Text),
)

MEMBERSHIPS = Table(
    "memberships",
    METADATA,
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("role", String(16), server_default="admin", nullable=False),
    PrimaryKeyConstraint("user_id", "project_id"),
)

ACCESS_KEYS = Table(
    "access_keys",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("created_at", Milliseconds, nullable=False),
    Column("description", Text, server_default="", nullable=False),
    Column("disabled_at", Milliseconds),
)

QUEUES = Table(
    "queues",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("project_id", ForeignKey("projects.id")),
    Column("name", String(128), nullable=False),
    Column("cus", Integer, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("isolation", String(16), nullable=False),
    Column("rest_url", Text),
    Column("description", Text, nullable=False),
    Column("user_name", String(128), nullable=False),
    Column("created_at", Milliseconds, nullable=False),
    Column("traits", Text, nullable=False),
    Column("not_ready", Text),
    Column("holder", Text),
    Column("place", Text),
    Column("lease_until", Milliseconds, nullable=False),
    sqlite_autoincrement=True,
)
QUEUE_NAME_INDEX = "uq_queues_project_id_name"
Index(QUEUE_NAME_INDEX, QUEUES.c.project_id, QUEUES.c.name, unique=True)
Index(
    "uq_queues_name",
    QUEUES.c.name,
    unique=True,
    sqlite_where=text("project_id IS NULL"),
    postgresql_where=text("project_id IS NULL"),
)

JOBS = Table(
    "jobs",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("user_name", String(128), nullable=False),
    Column("type", String(32), nullable=False),
    Column("name", String(64), nullable=False),
    Column("description", Text, nullable=False),
    Column("queue", String(128), nullable=False),
    Column("run_mode", String(32), nullable=False),
    Column("sql", Text, nullable=False),
    Column("program", Text),
    Column("config", Text, nullable=False),
    Column("created_at", Milliseconds, nullable=False),
    Column("updated_at", Milliseconds, nullable=False),
    Column("status", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("goal", String(32), nullable=False),
    Column("run", Text),
    Column("requested_at", Milliseconds),
    Column("started_at", Milliseconds),
    Column("ended_at", Milliseconds),
    Column("restart_count", Integer, nullable=False),
    Column("restarts", Text, nullable=False),
    Column("restore_point", Text),
    Column("newest_state", Text),
    Column("savepoint", Text),
    Column("savepoint_request", Text),
    Column("execution_plan", Text),
    Column("execution", Text),
    Column("deleted_at", Milliseconds),
    Column("unreachable_since", Milliseconds),
    Column("written_at", Milliseconds, nullable=False),
    Column("version", Integer, nullable=False),
    sqlite_autoincrement=True,
)

Index("ix_jobs_project_id_id", JOBS.c.project_id, JOBS.c.id)
Index("ix_jobs_deleted_at_id", JOBS.c.deleted_at, JOBS.c.id)
NAME_INDEX = "uq_jobs_project_id_name"
Index(
    NAME_INDEX,
    JOBS.c.project_id,
    JOBS.c.name,
    unique=True,
    sqlite_where=text("deleted_at IS NULL"),
    postgresql_where=text("deleted_at IS NULL"),
)
Index(
    "ix_jobs_goal",
    JOBS.c.goal,
    JOBS.c.id,
    sqlite_where=text("goal <> 'rest'"),
    postgresql_where=text("goal <> 'rest'"),
)

JOB_TAGS = Table(
    "job_tags",
    METADATA,
    Column("job_id", ForeignKey("jobs.id"), nullable=False),
    Column("key", String(128), nullable=False),
    Column("value", String(255), nullable=False),
    PrimaryKeyConstraint("job_id", "key"),
)

RUNS = Table(
    "runs",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("job_id", ForeignKey("jobs.id"), nullable=False, index=True),
    Column("recorded_at", Milliseconds, nullable=False),
    Column("resume_from", Text),
    Column("checkpoints", Text),
    Column("cleaned_at", Milliseconds),
)

EVENTS = Table(
    "events",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("at", Milliseconds, nullable=False),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("job_id", ForeignKey("jobs.id"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("actor", String(16), nullable=False),
    Column("actor_name", String(128), nullable=False),
    Column("status", String(32), nullable=False),
    Column("run_id", String(32)),
    Column("reason", Text, nullable=False),
    Column("details", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_events_project_id_id", EVENTS.c.project_id, EVENTS.c.id)
Index("ix_events_job_id_id", EVENTS.c.job_id, EVENTS.c.id)

STRANGERS = Table(
    "strangers",
    METADATA,
    Column("queue_id", ForeignKey("queues.id"), nullable=False),
    Column("flink_job_id", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("state", String(32), nullable=False),
    Column("started_at", Milliseconds, nullable=False),
    Column("cluster", Text, nullable=False),
    Column("first_seen_at", Milliseconds, nullable=False),
    Column("is_to_stop", Boolean, nullable=False),
    PrimaryKeyConstraint("queue_id", "flink_job_id"),
)

TOPICS = Table(
    "topics",
    METADATA,
    Column("name", String(256), primary_key=True),
    Column("target", LargeBinary, nullable=False),
    Column("created_at", Milliseconds, nullable=False),
)

ALARMS = Table(
    "alarms",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("job_id", ForeignKey("jobs.id"), nullable=False),
    Column("topic", String(256), nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Milliseconds, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Milliseconds),
    Column("sent_at", Milliseconds),
    Column("failure", Text),
    sqlite_autoincrement=True,
)
Index("ix_alarms_due_at", ALARMS.c.due_at)

PACKAGES = Table(
    "packages",
    METADATA,
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("group_name", String(128), nullable=False),
    Column("name", String(128), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("content", String(64), nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("owner", String(128), nullable=False),
    Column("source", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("created_at", Milliseconds, nullable=False),
    Column("updated_at", Milliseconds, nullable=False),
    PrimaryKeyConstraint("project_id", "group_name", "name"),
)

TEMPLATES = Table(
    "templates",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("description", Text, nullable=False),
    Column("type", String(32), nullable=False),
    Column("sql", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("created_at", Milliseconds, nullable=False),
    Column("updated_at", Milliseconds, nullable=False),
    sqlite_autoincrement=True,
)
TEMPLATE_NAME_INDEX = "uq_templates_project_id_name"
Index(TEMPLATE_NAME_INDEX, TEMPLATES.c.project_id, TEMPLATES.c.name, unique=True)

TOKENS = Table(
    "tokens",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("project_id", ForeignKey("projects.id")),
    Column("method", String(16), nullable=False),
    Column("issued_at", Milliseconds, nullable=False),
    Column("expires_at", Milliseconds, nullable=False, index=True),
)

AUDIT = Table(
    "audit",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("at", Milliseconds, nullable=False, index=True),
    Column("project_id", String(64)),
    Column("user_name", String(128), nullable=False),
    Column("credential", String(64), nullable=False),
    Column("address", String(64), nullable=False),
    Column("operation", String(64), nullable=False),
    Column("target", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("error_code", String(32), nullable=False),
    Column("request_id", String(32), nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_audit_project_id_id", AUDIT.c.project_id, AUDIT.c.id)

IDEMPOTENCY_KEYS = Table(
    "idempotency_keys",
    METADATA,
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("key", String(255), nullable=False),
    Column("request", String(64), nullable=False),
    Column("status", Integer),
    Column("content", LargeBinary),
    Column("created_at", Milliseconds, nullable=False, index=True),
    PrimaryKeyConstraint("project_id", "user_id", "key"),
)
