package io.penstock.runner;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** The files into which Flink has unpacked the jars within the jar of this run, and which it keeps until it ends. */
final class Unpacked {
    private static final String NAME = "-?\\d+_\\d+lib_.*\\.jar";

    private Unpacked() {}

    /** Removes them, when nothing more is to be loaded: a job that was submitted has copies of its own. */
    static void remove() {
        StreamExecutionEnvironment flink = StreamExecutionEnvironment.getExecutionEnvironment();
        for (String jar : flink.getConfiguration().getOptional(PipelineOptions.JARS).orElse(List.of())) {
            Path file = Path.of(URI.create(jar));
            if (file.getFileName().toString().matches(NAME)) {
                remove(file);
            }
        }
    }

    static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException error) {
            // It stays until Flink ends, which harms nobody else.
        }
    }
}
