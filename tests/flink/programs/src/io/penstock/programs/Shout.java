package io.penstock.programs;

import org.apache.flink.table.functions.ScalarFunction;

/** A function for scripts. */
public final class Shout extends ScalarFunction {
    private static final long serialVersionUID = 1L;

    public String eval(String text) {
        return text.toUpperCase() + "!";
    }
}
