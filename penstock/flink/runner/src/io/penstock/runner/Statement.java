package io.penstock.runner;

import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One statement of a script, which knows where in the script it stands. */
final class Statement {
    private static final Pattern LINE_END = Pattern.compile("\r\n|\r|\n");
    private static final Pattern WORD = Pattern.compile("\\w+");

    private final String script;
    private final int start;
    private final String sql;
    private final List<Statement> inserts;

    /** The comments in `sql` are blanks, so that its places are those of the script from `start` on. */
    Statement(String script, int start, String sql, List<Statement> inserts) {
        this.script = script;
        this.start = start;
        this.sql = sql;
        this.inserts = inserts;
    }

    String sql() {
        return sql;
    }

    /** The INSERTs between BEGIN and END of an EXECUTE STATEMENT SET. */
    List<Statement> inserts() {
        return inserts;
    }

    /** Does a step for this statement; whatever fails is a mistake in it. */
    void attempt(Runnable step) {
        try {
            step.run();
        } catch (Refusal refusal) {
            throw refusal;
        } catch (RuntimeException | LinkageError | StackOverflowError error) {
            throw Reason.forbidden(word()).map(this::refusal)
                    .orElseGet(() -> new Refusal(place(offset(error)), Reason.of(error)));
        }
    }

    Refusal refusal(String reason) {
        return new Refusal(place(0), reason);
    }

    String word() {
        Matcher word = WORD.matcher(sql);
        return word.find() ? word.group().toUpperCase(Locale.ROOT) : sql;
    }

    private int offset(Throwable error) {
        for (Throwable cause : Reason.chain(error)) {
            Matcher position = Reason.POSITION.matcher(String.valueOf(cause.getMessage()));
            if (position.find()) {
                return offset(Integer.parseInt(position.group(1)), Integer.parseInt(position.group(2)));
            }
        }
        return 0;
    }

    private int offset(int line, int column) {
        Matcher end = LINE_END.matcher(sql);
        int offset = 0;
        for (int at = 1; at < line && end.find(); at++) {
            offset = end.end();
        }
        return Math.max(0, Math.min(offset + column - 1, sql.length()));
    }

    private String place(int offset) {
        return place(script, start + offset);
    }

    /** Line and column, counted from 1; a column is a character, however many units of UTF-16 it takes. */
    static String place(String script, int offset) {
        Matcher end = LINE_END.matcher(script).region(0, offset);
        int line = 1;
        int lineStart = 0;
        for (; end.find(); line++) {
            lineStart = end.end();
        }
        return "line " + line + ", column " + (script.codePointCount(lineStart, offset) + 1);
    }
}
