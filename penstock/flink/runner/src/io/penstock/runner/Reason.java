package io.penstock.runner;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Puts into one readable line why a statement is refused. */
final class Reason {
    private static final int LONGEST = 600;
    private static final int MOST_EXPECTED = 4;

    /** Where Flink sees a mistake, counted from the start of the statement. */
    static final Pattern POSITION =
            Pattern.compile("(?:From|,? at) line (\\d+), column (\\d+)(?: to line \\d+, column \\d+: )?");

    /** The step that failed, which says nothing of the mistake. */
    private static final Pattern STEP = Pattern.compile("^(?:SQL (?:validation|parse) failed\\. ?)+");

    private static final Pattern EXPECTED = Pattern.compile("Was expecting(?: one of)?:(.*)", Pattern.DOTALL);
    private static final Pattern ESCAPED = Pattern.compile("\\\\u(?!00[01])([0-9a-f]{4})");

    /** What Python has thrown: the lines of its trace, and the exception itself. */
    private static final Pattern THROWN_BY_PYTHON = Pattern.compile(
            "An exception was raised by the Python Proxy.*Traceback \\(most recent call last\\):\\n"
                    + "((?:[ \\t][^\\n]*\\n)*)(\\S[^\\n]*).*", Pattern.DOTALL);
    /** A place in code of the user's, not in that of Python and its packages. */
    private static final Pattern PLACE_IN_PYTHON = Pattern.compile(
            "File \"/(?![^\"]*/lib/python\\d)(?:[^\"]*/)?([^\"/]+)\", line (\\d+)");

    private static final String QUESTION = "only answers a question; a script holds SET, definitions and INSERT INTO";
    private static final String OWN_JOB = "would start a job of its own; a script is one job made of INSERT INTO";
    private static final Map<String, String> FORBIDDEN = Map.of(
            "CALL", OWN_JOB, "UPDATE", OWN_JOB, "DELETE", OWN_JOB, "REPLACE", OWN_JOB,
            "EXPLAIN", QUESTION, "SHOW", QUESTION, "DESCRIBE", QUESTION, "DESC", QUESTION);

    private Reason() {}

    /** Why no statement that begins with this word can stand in a script; empty if one can. */
    static Optional<String> forbidden(String word) {
        return Optional.ofNullable(FORBIDDEN.get(word)).map(reason -> word + " " + reason);
    }

    static String unsupported(String word) {
        return forbidden(word)
                .orElse("this " + word + " cannot stand in a script, which holds SET, definitions and INSERT INTO");
    }

    static String ownJob(String word) {
        return forbidden(word).orElse(word + " ... AS " + OWN_JOB);
    }

    /** What was being done (the first line of the outermost error), and what went wrong (the innermost error). */
    static String of(Throwable error) {
        if (isTooDeep(error)) {
            return "the statement is nested too deeply";
        }
        List<Throwable> chain = chain(error);
        Throwable root = chain.get(chain.size() - 1);
        String doing = line(message(error).split("\\R", 2)[0]);
        String wrong = line(message(root));
        if (wrong.startsWith(doing)) {
            return wrong;
        }
        if (doing.endsWith(wrong)) {
            return doing;
        }
        String kind = root.getClass().getName().startsWith("org.apache.") ? "" : root.getClass().getSimpleName() + ": ";
        return line(doing + (doing.endsWith(".") ? " " : ": ") + kind + wrong);
    }

    /** Flink trips over a parse error without a text, and what has none is a stack overflow. */
    private static boolean isTooDeep(Throwable error) {
        return error instanceof StackOverflowError
                || error instanceof NullPointerException
                        && Arrays.stream(error.getStackTrace()).limit(1)
                                .anyMatch(frame -> frame.getClassName().endsWith(".CalciteParser"));
    }

    /** The innermost error, by its class and what it says. */
    static String root(Throwable error) {
        List<Throwable> chain = chain(error);
        Throwable root = chain.get(chain.size() - 1);
        return root.getClass().getName() + (root.getMessage() == null ? "" : ": " + root.getMessage());
    }

    static List<Throwable> chain(Throwable error) {
        List<Throwable> chain = new ArrayList<>();
        for (Throwable cause = error; cause != null && !chain.contains(cause); cause = cause.getCause()) {
            chain.add(cause);
        }
        return chain;
    }

    private static String message(Throwable error) {
        String text = error.getMessage() == null ? error.getClass().getSimpleName() : error.getMessage();
        text = THROWN_BY_PYTHON.matcher(text).replaceFirst(Reason::thrownByPython);
        return POSITION.matcher(STEP.matcher(text).replaceFirst("")).replaceAll("");
    }

    private static String thrownByPython(MatchResult thrown) {
        String place = PLACE_IN_PYTHON.matcher(thrown.group(1)).results()
                .reduce((outer, inner) -> inner).map(last -> " (" + last.group(1) + ":" + last.group(2) + ")").orElse("");
        return Matcher.quoteReplacement(thrown.group(2) + place);
    }

    private static String line(String message) {
        String text = EXPECTED.matcher(message).replaceAll(Reason::expected);
        text = ESCAPED.matcher(text).replaceAll(
                found -> Matcher.quoteReplacement(Character.toString(Integer.parseInt(found.group(1), 16))));
        return shortened(text);
    }

    /** One line of bounded length. */
    static String shortened(String message) {
        String text = message.strip().replaceAll("\\s+", " ");
        return text.codePointCount(0, text.length()) <= LONGEST
                ? text
                : text.substring(0, text.offsetByCodePoints(0, LONGEST)) + " …";
    }

    private static String expected(MatchResult found) {
        List<String> tokens = found.group(1).lines().map(token -> token.replace("...", "").strip())
                .filter(token -> !token.isEmpty()).collect(Collectors.toList());
        return tokens.size() > MOST_EXPECTED
                ? ""
                : Matcher.quoteReplacement("Was expecting " + String.join(" or ", tokens) + ".");
    }
}
