package io.penstock.runner;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What a script may set and load, as arguments of the form {@code own=pattern}, {@code deny=pattern},
 * {@code jar=address}, {@code dirty=skip} and {@code python=resource}; an asterisk in a pattern stands for anything.
 * What becomes of its job is {@code parallelism=operator=number}, and {@code graph=draw}, which gives the job its
 * operators as its name.
 */
final class Settings {
    private final String[] rules;

    Settings(String[] rules) {
        this.rules = rules;
    }

    /** The service sets this key itself, and wins. */
    boolean owns(String key) {
        return matches("own=", key);
    }

    boolean denies(String key) {
        return matches("deny=", key);
    }

    /** The classes of this jar are there from the start. */
    boolean provides(String jar) {
        return Arrays.asList(rules).contains("jar=" + jar);
    }

    /** What a table cannot read is no reason to fail, unless the table says so. */
    boolean skipsDirtyRecords() {
        return Arrays.asList(rules).contains("dirty=skip");
    }

    /** The resource that holds the script's own Python code. */
    Optional<String> python() {
        return Arrays.stream(rules).filter(rule -> rule.startsWith("python="))
                .map(rule -> rule.substring("python=".length())).findFirst();
    }

    /** The operators are told of, in the name of a job that is not to be run. */
    boolean drawsGraph() {
        return Arrays.asList(rules).contains("graph=draw");
    }

    boolean changesOperators() {
        return drawsGraph() || !parallelism().isEmpty();
    }

    /** By the ids of operators. */
    Map<String, Integer> parallelism() {
        return Arrays.stream(rules).map(rule -> rule.split("=", 3)).filter(parts -> parts[0].equals("parallelism"))
                .collect(Collectors.toMap(parts -> parts[1], parts -> Integer.valueOf(parts[2])));
    }

    private boolean matches(String kind, String key) {
        return Arrays.stream(rules)
                .filter(rule -> rule.startsWith(kind))
                .map(rule -> Pattern.quote(rule.substring(kind.length())).replace("*", "\\E.*\\Q"))
                .anyMatch(key::matches);
    }
}
