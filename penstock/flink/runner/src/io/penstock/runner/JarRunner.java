package io.penstock.runner;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.graph.StreamGraph;

/**
 * Calls the main of a user's program, and submits the one job that it has made once it has returned: a program that
 * never returns, fails half-way, or makes none or several, has started nothing.
 */
public final class JarRunner {
    private static final String EXIT = "UserSystemExitException";

    private final String program;

    private JarRunner(String program) {
        this.program = program;
    }

    /** Takes the main class, the seconds that its main may take, and the program's own arguments. */
    public static void main(String[] arguments) throws Exception {
        String[] own = Arrays.copyOfRange(arguments, 2, arguments.length);
        try {
            new JarRunner(arguments[0]).run(own, Long.parseLong(arguments[1]));
        } finally {
            Unpacked.remove();
        }
    }

    private void run(String[] arguments, long seconds) throws Exception {
        StreamExecutionEnvironment flink = StreamExecutionEnvironment.getExecutionEnvironment();
        Configuration settings = new Configuration((Configuration) flink.getConfiguration());
        Recorder recorder = new Recorder(settings);
        call(find(), arguments, recorder, seconds);
        StreamGraph job = only(recorder.jobs());
        settings.getOptional(PipelineOptions.NAME).ifPresent(job::setJobName);
        try {
            flink.executeAsync(job);
        } catch (Exception | LinkageError error) {
            rehearse(job);
            throw error;
        }
    }

    /** What Flink can make no graph of will never run; whatever else is in the way of a job may pass. */
    private void rehearse(StreamGraph job) {
        try {
            job.getJobGraph(Thread.currentThread().getContextClassLoader(), new JobID());
        } catch (RuntimeException | LinkageError error) {
            throw refusal(Reason.shortened("Flink cannot run what main has made: " + Reason.root(error)));
        }
    }

    private Method find() {
        try {
            Class<?> type = Class.forName(program, false, Thread.currentThread().getContextClassLoader());
            Method main = type.getMethod("main", String[].class);
            if (!Modifier.isStatic(main.getModifiers())) {
                throw refusal("its main is not static");
            }
            return main;
        } catch (ClassNotFoundException error) {
            throw refusal("there is no such class in the jars of the program");
        } catch (LinkageError error) {
            throw refusal(Reason.shortened("it cannot be loaded: " + Reason.root(error)));
        } catch (NoSuchMethodException error) {
            throw refusal("it has no public static void main(String[])");
        }
    }

    /** Calls it on a thread of its own, which is left to itself when it takes too long. */
    private void call(Method main, String[] arguments, Recorder recorder, long seconds) throws Exception {
        FutureTask<Object> call = new FutureTask<>(() -> recorder.during(() -> main.invoke(null, (Object) arguments)));
        Thread thread = new Thread(call, "main of " + program);
        thread.setDaemon(true);
        thread.start();
        try {
            call.get(seconds, TimeUnit.SECONDS);
        } catch (TimeoutException error) {
            call.cancel(true);
            throw refusal("main has not returned within " + seconds + " s; it ends with execute(), and waits for nothing");
        } catch (ExecutionException error) {
            Throwable cause = error.getCause();
            throw thrown(cause instanceof InvocationTargetException ? cause.getCause() : cause);
        }
    }

    private StreamGraph only(List<StreamGraph> jobs) {
        if (jobs.isEmpty()) {
            throw refusal("main has returned without execute(): there is no job to run");
        }
        if (jobs.size() > 1) {
            throw refusal("main has called execute() " + jobs.size() + " times; one program is one job");
        }
        return jobs.get(0);
    }

    private Refusal thrown(Throwable error) {
        List<Throwable> chain = Reason.chain(error);
        if (chain.stream().anyMatch(each -> each.getClass().getSimpleName().equals(EXIT))) {
            return refusal("main has called System.exit, which would end Flink");
        }
        String where = chain.stream().flatMap(each -> Stream.of(each.getStackTrace()))
                .filter(frame -> frame.getClassName().equals(program))
                .findFirst().map(frame -> " (" + frame.getFileName() + ":" + frame.getLineNumber() + ")").orElse("");
        return refusal(Reason.shortened("main has thrown " + Reason.root(error)) + where);
    }

    private Refusal refusal(String reason) {
        return new Refusal(program, reason);
    }
}
