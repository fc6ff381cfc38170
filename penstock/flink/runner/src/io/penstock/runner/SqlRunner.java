package io.penstock.runner;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.graph.StreamGraph;
import org.apache.flink.table.operations.BeginStatementSetOperation;
import org.apache.flink.table.operations.EndStatementSetOperation;
import org.apache.flink.table.operations.ModifyOperation;
import org.apache.flink.table.operations.Operation;
import org.apache.flink.table.operations.SinkModifyOperation;
import org.apache.flink.table.operations.StatementSetOperation;

/** Turns one SQL script into exactly one Flink job, made of all its INSERTs, which start when all else is done. */
public final class SqlRunner {
    private final Session session;
    private final Map<Statement, ModifyOperation> inserts = new LinkedHashMap<>();
    private Statement set;
    private boolean isSetOpen;
    private boolean updates;

    private SqlRunner(Session session) {
        this.session = session;
    }

    /** Takes the script, and the rules of {@link Settings}. */
    public static void main(String[] arguments) throws Exception {
        Settings settings = new Settings(Arrays.copyOfRange(arguments, 1, arguments.length));
        Optional<Path> python = settings.python().map(PythonCode::unpack);
        try {
            if (settings.changesOperators()) {
                runChanged(arguments[0], settings, python);
            } else {
                read(arguments[0], settings, python).run();
            }
        } finally {
            python.ifPresent(PythonCode::remove);
            Unpacked.remove();
        }
    }

    /** Holds the job back until its operators are what they are to be. */
    private static void runChanged(String script, Settings settings, Optional<Path> python) throws Exception {
        StreamExecutionEnvironment flink = StreamExecutionEnvironment.getExecutionEnvironment();
        Recorder recorder = new Recorder(new Configuration((Configuration) flink.getConfiguration()));
        SqlRunner runner = recorder.recorded(() -> {
            SqlRunner read = read(script, settings, python);
            read.run();
            // Here, as the planner works on the thread that it was made on only.
            read.updates = !settings.parallelism().isEmpty() && read.session.updates(read.operations());
            return read;
        });
        StreamGraph job = recorder.jobs().get(0);
        Operators operators = new Operators(job);
        if (!settings.parallelism().isEmpty()) {
            operators.set(settings.parallelism(), runner.updates);
        }
        if (settings.drawsGraph()) {
            job.setJobName(operators.drawn());
        }
        flink.configure(runner.session.configuration());
        flink.executeAsync(job);
    }

    private static SqlRunner read(String script, Settings settings, Optional<Path> python) {
        Session session = new Session(settings);
        python.ifPresent(session::addPython);
        SqlRunner runner = new SqlRunner(session);
        for (Statement statement : Script.split(script)) {
            statement.attempt(() -> runner.take(statement));
        }
        if (runner.isSetOpen) {
            throw runner.set.refusal("this statement set has no END");
        }
        if (runner.inserts.isEmpty()) {
            throw new Refusal(Statement.place(script, 0), "no sink: the script has no INSERT INTO");
        }
        return runner;
    }

    private void take(Statement statement) {
        Operation operation = session.parse(statement);
        if (isInsert(operation)) {
            insert(statement, (ModifyOperation) operation);
        } else if (operation instanceof EndStatementSetOperation) {
            end(statement);
        } else if (isSetOpen) {
            throw statement.refusal("only INSERT INTO can stand between BEGIN STATEMENT SET and END");
        } else if (operation instanceof BeginStatementSetOperation) {
            begin(statement);
        } else if (operation instanceof StatementSetOperation) {
            begin(statement);
            List<ModifyOperation> operations = ((StatementSetOperation) operation).getOperations();
            for (int i = 0; i < operations.size(); i++) {
                inserts.put(statement.inserts().get(i), operations.get(i));
            }
            end(statement);
        } else {
            session.apply(statement, operation);
        }
    }

    private static boolean isInsert(Operation operation) {
        if (!(operation instanceof SinkModifyOperation)) {
            return false;
        }
        SinkModifyOperation change = (SinkModifyOperation) operation;
        return !change.isUpdate() && !change.isDelete();
    }

    private void insert(Statement statement, ModifyOperation insert) {
        if (set != null && !isSetOpen) {
            throw statement.refusal("this INSERT stands outside the statement set; one script is one job");
        }
        inserts.put(statement, insert);
    }

    private void begin(Statement statement) {
        if (set != null || !inserts.isEmpty()) {
            throw statement.refusal("a script holds one statement set and no INSERT beside it; one script is one job");
        }
        set = statement;
        isSetOpen = true;
    }

    private void end(Statement statement) {
        if (!isSetOpen) {
            throw statement.refusal("END without BEGIN STATEMENT SET");
        }
        if (inserts.isEmpty()) {
            throw set.refusal("no sink: this statement set has no INSERT INTO");
        }
        isSetOpen = false;
    }

    private List<ModifyOperation> operations() {
        return new ArrayList<>(inserts.values());
    }

    /** Finds the INSERT to blame when they cannot run; what no INSERT is to blame for is no refusal, and rises. */
    private void run() {
        try {
            session.run(operations());
        } catch (RuntimeException | LinkageError | StackOverflowError error) {
            inserts.forEach((statement, insert) -> statement.attempt(() -> session.rehearse(insert)));
            throw error;
        }
    }
}
