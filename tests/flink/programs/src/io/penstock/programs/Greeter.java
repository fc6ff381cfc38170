package io.penstock.programs;

import io.penstock.programs.lib.Greeting;
import io.penstock.programs.lib.Mark;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Greets those whom a file of the job names, with classes of two other jars, in main and in its tasks. */
public final class Greeter {
    private Greeter() {}

    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSource(new NumberSequenceSource(0, names().length - 1), WatermarkStrategy.noWatermarks(), "numbers")
                .map(new Greet(Greeting.of(arguments[1])))
                .sinkTo(Lines.in(arguments[0]));
        env.executeAsync();
    }

    static String[] names() throws Exception {
        try (InputStream file = Greeter.class.getClassLoader().getResourceAsStream("userData/names.csv")) {
            return new String(file.readAllBytes(), StandardCharsets.UTF_8).trim().split(",");
        }
    }

    static final class Greet implements MapFunction<Long, String> {
        private static final long serialVersionUID = 1L;
        private final String greeting;

        Greet(String greeting) {
            this.greeting = greeting;
        }

        @Override
        public String map(Long number) throws Exception {
            return greeting + " " + names()[number.intValue()] + Mark.LOUD;
        }
    }
}
