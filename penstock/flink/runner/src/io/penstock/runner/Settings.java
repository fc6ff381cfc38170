package io.penstock.runner;

import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What a script may set and load, as arguments of the form {@code own=pattern}, {@code deny=pattern},
 * {@code jar=address}, {@code dirty=skip} and {@code python=resource}; an asterisk in a pattern stands for anything.
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

    private boolean matches(String kind, String key) {
        return Arrays.stream(rules)
                .filter(rule -> rule.startsWith(kind))
                .map(rule -> Pattern.quote(rule.substring(kind.length())).replace("*", "\\E.*\\Q"))
                .anyMatch(key::matches);
    }
}
