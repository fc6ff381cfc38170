"""What a process of Flink logs, and where: the lines of each job in a file of their own, all others in one.

Flink names the job of a line in the context `flink-job-id`. The file of a job is closed when it is idle, and opened
again for its next line. Full files get numbers that only grow, so that a name always means the same lines.
"""

from penstock.domain.log_levels import LogLevels

JOB_LOGS = "penstock.job-logs"
"""The system property that says below which folder each job has one for its files."""
ROLE = "penstock.role"
"""The one that says what the process is called there."""
_CLOSED_AFTER_S = 10
_FULL = "5MB"
_FULL_ONES_KEPT = 4
_SETTINGS = """\
rootLogger.level = {root}
rootLogger.appenderRef.routing.ref = routing
appender.file.name = file
{file}
appender.file.policies.size.size = 20MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 5
appender.routing.name = routing
appender.routing.type = Routing
appender.routing.purgePolicy.type = IdlePurgePolicy
appender.routing.purgePolicy.timeToLive = {closed_after}
appender.routing.purgePolicy.timeUnit = seconds
appender.routing.routes.type = Routes
appender.routing.routes.pattern = $${{ctx:flink-job-id}}
appender.routing.routes.process.type = Route
appender.routing.routes.process.key = $${{ctx:flink-job-id}}
appender.routing.routes.process.ref = file
appender.routing.routes.job.type = Route
appender.routing.routes.job.file.name = job-${{ctx:flink-job-id}}
{job}
appender.routing.routes.job.file.policies.size.size = {full}
appender.routing.routes.job.file.strategy.type = DefaultRolloverStrategy
appender.routing.routes.job.file.strategy.fileIndex = nomax
appender.routing.routes.job.file.strategy.delete.type = Delete
appender.routing.routes.job.file.strategy.delete.basePath = {folder}
appender.routing.routes.job.file.strategy.delete.name.type = IfFileName
appender.routing.routes.job.file.strategy.delete.name.glob = {role}.log.*
appender.routing.routes.job.file.strategy.delete.name.count.type = IfAccumulatedFileCount
appender.routing.routes.job.file.strategy.delete.name.count.exceeds = {kept}
logger.pekko.name = org.apache.pekko
logger.pekko.level = WARN
"""
_FILE = """\
{appender}.type = RollingFile
{appender}.fileName = {path}
{appender}.filePattern = {path}.%i
{appender}.layout.type = PatternLayout
{appender}.layout.pattern = %d{{yyyy-MM-dd HH:mm:ss,SSS}} %-5p %-60c - %m%n
{appender}.policies.type = Policies
{appender}.policies.size.type = SizeBasedTriggeringPolicy"""


def properties(levels: LogLevels) -> str:
    """Write the file of settings of log4j2."""
    folder, role = f"${{sys:{JOB_LOGS}}}/${{ctx:flink-job-id}}", f"${{sys:{ROLE}}}"
    text = _SETTINGS.format(
        root=levels.root,
        file=_FILE.format(appender="appender.file", path="${sys:log.file}"),
        job=_FILE.format(appender="appender.routing.routes.job.file", path=f"{folder}/{role}.log"),
        folder=folder,
        role=role,
        full=_FULL,
        kept=_FULL_ONES_KEPT,
        closed_after=_CLOSED_AFTER_S,
    )
    for number, (name, level) in enumerate(sorted(levels.by_logger.items())):
        text += f"logger.of_job_{number}.name = {name}\nlogger.of_job_{number}.level = {level}\n"
    return text
