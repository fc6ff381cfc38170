package io.penstock.runner;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.ExplainDetail;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.internal.TableEnvironmentImpl;
import org.apache.flink.table.catalog.CatalogFunction;
import org.apache.flink.table.operations.LoadModuleOperation;
import org.apache.flink.table.operations.ModifyOperation;
import org.apache.flink.table.operations.NopOperation;
import org.apache.flink.table.operations.Operation;
import org.apache.flink.table.operations.QueryOperation;
import org.apache.flink.table.operations.UnloadModuleOperation;
import org.apache.flink.table.operations.UseOperation;
import org.apache.flink.table.operations.command.AddJarOperation;
import org.apache.flink.table.operations.command.ResetOperation;
import org.apache.flink.table.operations.command.SetOperation;
import org.apache.flink.table.operations.ddl.AlterOperation;
import org.apache.flink.table.operations.ddl.CreateCatalogFunctionOperation;
import org.apache.flink.table.operations.ddl.CreateOperation;
import org.apache.flink.table.operations.ddl.CreateTableOperation;
import org.apache.flink.table.operations.ddl.CreateTempSystemFunctionOperation;
import org.apache.flink.table.operations.ddl.DropOperation;
import org.apache.flink.table.operations.materializedtable.MaterializedTableOperation;
import org.apache.flink.table.resource.ResourceUri;

/** What a script has set and defined so far; every statement but INSERT takes effect here, as it comes. */
final class Session {
    private static final Pattern USING_JARS = Pattern.compile(
            "\\bUSING\\s+JAR\\s+'[^']*'(?:\\s*,\\s*JAR\\s+'[^']*')*", Pattern.CASE_INSENSITIVE);

    /** A sink passes on NONE. */
    private static final Pattern UPDATES = Pattern.compile("changelogMode=\\[(?!I]|NONE])");

    private final TableEnvironmentImpl tables =
            (TableEnvironmentImpl) TableEnvironment.create(EnvironmentSettings.inStreamingMode());
    private final Configuration configuration = tables.getConfig().getConfiguration();
    private final Configuration initial = new Configuration(configuration);
    private final Settings settings;

    Session(Settings settings) {
        this.settings = settings;
    }

    /** Lets the script make functions of this Python code. */
    void addPython(Path code) {
        configuration.setString("python.files", code.toString());
        initial.addAll(configuration);
    }

    Operation parse(Statement statement) {
        return tables.getParser().parse(statement.sql()).get(0);
    }

    /** Does everything for this INSERT but run it, to see whether it can run. */
    void rehearse(ModifyOperation insert) {
        tables.explainInternal(List.of(insert));
    }

    /** Runs the INSERTs as one job, and returns once Flink has it. */
    void run(List<ModifyOperation> inserts) {
        configuration.setString("table.dml-sync", "false");
        tables.executeInternal(inserts);
    }

    /** Says whether the INSERTs change rows that they have written, so that the order of rows matters. */
    boolean updates(List<ModifyOperation> inserts) {
        String plan = tables.explainInternal(List.copyOf(inserts), ExplainDetail.CHANGELOG_MODE);
        return UPDATES.matcher(plan).find();
    }

    Configuration configuration() {
        return configuration;
    }

    void apply(Statement statement, Operation operation) {
        if (operation instanceof SetOperation) {
            set(statement, (SetOperation) operation);
        } else if (operation instanceof ResetOperation) {
            ((ResetOperation) operation).getKey().ifPresentOrElse(this::reset, this::resetAll);
        } else if (operation instanceof AddJarOperation) {
            check(statement, ((AddJarOperation) operation).getPath());
        } else if (isDefinition(operation)) {
            tables.executeInternal(withoutJars(statement, operation));
            if (operation instanceof CreateTableOperation && settings.skipsDirtyRecords()) {
                DirtyRecords.skip(tables.getCatalogManager(), ((CreateTableOperation) operation).getTableIdentifier());
            }
        } else if (operation instanceof QueryOperation) {
            throw statement.refusal("no sink: write INSERT INTO <table> before this query");
        } else if (operation instanceof ModifyOperation) {
            throw statement.refusal(Reason.ownJob(statement.word()));
        } else {
            throw statement.refusal(Reason.unsupported(statement.word()));
        }
    }

    private void set(Statement statement, SetOperation operation) {
        String key = operation.getKey().orElseThrow(() -> statement.refusal("SET needs a key and a value")).strip();
        if (settings.denies(key)) {
            throw statement.refusal("'" + key + "' cannot be set by a script: it is up to the operator");
        }
        String value = operation.getValue().orElseThrow();
        if (key.equals(ExecutionOptions.RUNTIME_MODE.key()) && !value.equalsIgnoreCase("streaming")) {
            throw statement.refusal("'" + key + "' can only be streaming here");
        }
        if (!settings.owns(key)) {
            check(key, value);
            configuration.setString(key, value);
        }
    }

    /** Tells a malformed value here, at its SET; Flink would only see it when the job is built. */
    private static void check(String key, String value) {
        Configuration one = new Configuration();
        one.setString(key, value);
        new StreamExecutionEnvironment(one);
    }

    private void reset(String key) {
        String value = initial.toMap().get(key);
        if (value == null) {
            configuration.removeKey(key);
        } else {
            configuration.setString(key, value);
        }
    }

    private void resetAll() {
        List.copyOf(configuration.keySet()).forEach(this::reset);
    }

    private static boolean isDefinition(Operation operation) {
        boolean isKnown = operation instanceof CreateOperation
                || operation instanceof DropOperation
                || operation instanceof AlterOperation
                || operation instanceof UseOperation
                || operation instanceof LoadModuleOperation
                || operation instanceof UnloadModuleOperation
                || operation instanceof NopOperation;
        return isKnown && !(operation instanceof MaterializedTableOperation);
    }

    /** Flink must not fetch the jars of a function: their classes are on the class path of the job already. */
    private Operation withoutJars(Statement statement, Operation operation) {
        functionOf(operation).ifPresent(function -> PythonCode.check(statement, function.getFunctionLanguage()));
        List<ResourceUri> jars = jarsOf(operation);
        if (jars.isEmpty()) {
            return operation;
        }
        jars.forEach(jar -> check(statement, jar.getUri()));
        Operation without = tables.getParser().parse(USING_JARS.matcher(statement.sql()).replaceFirst("")).get(0);
        if (!jarsOf(without).isEmpty()) {
            throw statement.refusal("write USING JAR 'obs://bucket/folder/file.jar', without comments in between");
        }
        return without;
    }

    private void check(Statement statement, String jar) {
        if (!jar.matches("(obs|s3)://.*")) {
            throw statement.refusal("only a jar in a bucket can be used: JAR 'obs://bucket/folder/file.jar'");
        }
        if (!settings.provides(jar)) {
            throw statement.refusal("there is no jar at " + jar);
        }
    }

    private static List<ResourceUri> jarsOf(Operation operation) {
        return functionOf(operation).map(CatalogFunction::getFunctionResources).orElse(List.of());
    }

    private static Optional<CatalogFunction> functionOf(Operation operation) {
        if (operation instanceof CreateCatalogFunctionOperation) {
            return Optional.of(((CreateCatalogFunctionOperation) operation).getCatalogFunction());
        }
        if (operation instanceof CreateTempSystemFunctionOperation) {
            return Optional.of(((CreateTempSystemFunctionOperation) operation).getCatalogFunction());
        }
        return Optional.empty();
    }
}
