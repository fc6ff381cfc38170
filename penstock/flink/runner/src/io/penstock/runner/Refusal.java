package io.penstock.runner;

/** A script or program that will never run. The message is one line for its author: the place in it, and the reason. */
final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Refusal(String place, String reason) {
        super(place + ": " + reason, null, false, false);
    }
}
