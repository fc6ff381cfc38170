package io.penstock.programs.lib;

/** Lies in another dependency jar, and is no constant of the compiler's. */
public final class Mark {
    public static final String LOUD = String.valueOf('!');

    private Mark() {}
}
