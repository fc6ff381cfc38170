package io.penstock.programs;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

/** Does what its argument says and no program should. */
public final class Misbehaving {
    private Misbehaving() {}

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "exit":
                System.exit(3);
                break;
            case "hang":
                while (true) {
                    work();
                }
            case "throw":
                throw new IllegalStateException("no\nbroker");
            case "wait":
                job().executeAsync().getJobExecutionResult().get();
                break;
            case "twice":
                job().execute();
                job().execute();
                break;
            case "both":
                job().executeAsync();
                tables();
                break;
            case "uids":
                StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
                env.fromSequence(1, 9).map(n -> n).returns(Long.class).uid("one").disableChaining()
                        .map(n -> n).returns(Long.class).uid("one").sinkTo(new DiscardingSink<>());
                env.execute();
                break;
            default:
                job();
        }
    }

    /** Can only be loaded with the jar that its ancestor lies in. */
    public static class Heir extends Ancestor {
        public static void main(String[] arguments) {}
    }

    public static class Ancestor {}

    private static void work() {
        try {
            Thread.sleep(10);
        } catch (InterruptedException error) {
            // It does not even end when it is asked to.
        }
    }

    private static StreamExecutionEnvironment job() {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSource(new NumberSequenceSource(1, Long.MAX_VALUE), WatermarkStrategy.noWatermarks(), "numbers")
                .sinkTo(new DiscardingSink<>());
        return env;
    }

    private static void tables() {
        TableEnvironment tables = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        tables.executeSql("CREATE TABLE s (n INT) WITH ('connector' = 'datagen')");
        tables.executeSql("CREATE TABLE t (n INT) WITH ('connector' = 'blackhole')");
        tables.executeSql("INSERT INTO t SELECT n FROM s");
    }
}
