package io.penstock.programs;

import io.penstock.programs.lib.Greeting;
import io.penstock.programs.lib.Mark;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/**
 * Writes 1, 2, 3 and so on, 20 a second: not what comes in, but what its own state has counted. With a second argument
 * each line also holds what classes of two other jars, and a file of the job, say.
 */
public final class Counter {
    private Counter() {}

    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(new Configuration());
        env.fromSource(new NumberSequenceSource(1, 1_000_000), WatermarkStrategy.noWatermarks(), "events")
                .uid("events")
                .map(new Slowly())
                .keyBy(event -> 0, Types.INT)
                .process(new Count(arguments.length > 1 ? Greeting.of(arguments[1]) : ""))
                .uid("count")
                .sinkTo(Lines.in(arguments[0]))
                .uid("lines");
        env.execute("a name that the job does not get");
    }

    static final class Slowly implements MapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        @Override
        public Long map(Long event) throws Exception {
            Thread.sleep(50);
            return event;
        }
    }

    static final class Count extends KeyedProcessFunction<Integer, Long, String> {
        private static final long serialVersionUID = 1L;
        private final String greeting;

        Count(String greeting) {
            this.greeting = greeting;
        }

        @Override
        public void processElement(Long event, Context context, Collector<String> out) throws Exception {
            ValueState<Long> count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
            long now = count.value() == null ? 1 : count.value() + 1;
            count.update(now);
            out.collect(greeting.isEmpty() ? "" + now : greeting + " " + now + Mark.LOUD + Greeter.names()[0]);
        }
    }
}
