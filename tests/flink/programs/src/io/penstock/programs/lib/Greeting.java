package io.penstock.programs.lib;

/** Lies in a dependency jar. */
public final class Greeting {
    private Greeting() {}

    public static String of(String word) {
        return "[" + word + "]";
    }
}
