package io.penstock.runner;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.table.catalog.FunctionLanguage;

/** The Python code of a script: a resource in the jar of this run, which Flink takes only as a file. */
final class PythonCode {
    private static final String PART_OF_FLINK = "org.apache.flink.client.python.PythonFunctionFactory";

    private PythonCode() {}

    /** Unpacks the resource, under its own name, into a folder that holds nothing else. */
    static Path unpack(String resource) {
        try (InputStream code = loader().getResourceAsStream(resource)) {
            Path file = Files.createTempDirectory("penstock-python-").resolve(Path.of(resource).getFileName());
            Files.copy(code, file);
            return file;
        } catch (IOException error) {
            throw new UncheckedIOException("the Python code cannot be unpacked", error);
        }
    }

    /** Removes it again, with its folder, when the job has a copy of its own. */
    static void remove(Path code) {
        Unpacked.remove(code);
        Unpacked.remove(code.getParent());
    }

    /** Refuses functions that this Flink cannot call: it would only name a class that is missing. */
    static void check(Statement statement, FunctionLanguage language) {
        if (language == FunctionLanguage.PYTHON && !isPartOfFlink()) {
            throw statement.refusal("LANGUAGE PYTHON needs a part of Flink that is not installed");
        }
    }

    private static boolean isPartOfFlink() {
        try {
            Class.forName(PART_OF_FLINK, false, loader());
            return true;
        } catch (ClassNotFoundException error) {
            return false;
        }
    }

    private static ClassLoader loader() {
        return Thread.currentThread().getContextClassLoader();
    }
}
