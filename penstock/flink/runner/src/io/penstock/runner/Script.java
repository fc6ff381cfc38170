package io.penstock.runner;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a script into its statements by the lexical rules of Flink's parser: two dashes or slashes begin a comment,
 * a plus sign makes a bracketed comment a hint, and E'...' knows the backslash. In SET key = file:///path the
 * slashes are no comment.
 */
final class Script {
    private static final Pattern TOKEN = Pattern.compile(
            "(?<comment>^\\uFEFF|--[^\r\n]*|(?<![:/])//[^\r\n]*|/\\*(?!\\+)(?s:.*?)\\*/)"
                    + "|\\b[eE]'(?:[^'\\\\]|(?s:\\\\.)|'')*+'|'[^']*'|`[^`]*`"
                    + "|(?<open>/\\*(?!\\+)|'|`)");
    private static final Pattern SET_OPENS = Pattern.compile(
            "\\s*(?:EXECUTE|EXPLAIN|COMPILE)\\b.*?\\bSTATEMENT\\s+SET\\s+BEGIN\\b",
            Pattern.CASE_INSENSITIVE | Pattern.DOTALL);

    private final String text;
    /** The text without its comments. */
    private final StringBuilder sql;
    /** The text without its comments and quotes: what can begin or end a statement. */
    private final StringBuilder frame;

    private Script(String text) {
        this.text = text;
        this.sql = new StringBuilder(text);
        this.frame = new StringBuilder(text);
    }

    static List<Statement> split(String text) {
        Script script = new Script(text);
        script.blank();
        return script.cut();
    }

    private void blank() {
        Matcher token = TOKEN.matcher(text);
        while (token.find()) {
            if (token.group("open") != null) {
                String reason = "the " + token.group() + " here is never closed";
                throw new Refusal(Statement.place(text, token.start()), reason);
            }
            blank(frame, token.start(), token.end());
            if (token.group("comment") != null) {
                blank(sql, token.start(), token.end());
            }
        }
    }

    private static void blank(StringBuilder chars, int from, int to) {
        for (int i = from; i < to; i++) {
            if (chars.charAt(i) != '\r' && chars.charAt(i) != '\n') {
                chars.setCharAt(i, ' ');
            }
        }
    }

    private List<Statement> cut() {
        List<Statement> statements = new ArrayList<>();
        for (int from = 0; from < text.length(); ) {
            int to = end(from);
            Matcher set = SET_OPENS.matcher(frame).region(from, to);
            List<Statement> inserts = new ArrayList<>();
            if (set.lookingAt()) {
                for (int insert = set.end(); !isClosing(insert, to); insert = to + 1, to = end(insert)) {
                    inserts.add(statement(insert, to, List.of()));
                }
            }
            statements.add(statement(from, to, inserts));
            from = to + 1;
        }
        statements.removeIf(statement -> statement.sql().isEmpty());
        return statements;
    }

    private int end(int from) {
        int end = frame.indexOf(";", from);
        return end < 0 ? text.length() : end;
    }

    private boolean isClosing(int from, int to) {
        return from >= text.length() || frame.substring(from, to).strip().equalsIgnoreCase("END");
    }

    private Statement statement(int from, int to, List<Statement> inserts) {
        int start = from;
        while (start < to && Character.isWhitespace(sql.charAt(start))) {
            start++;
        }
        return new Statement(text, start, sql.substring(start, to).stripTrailing(), inserts);
    }
}
