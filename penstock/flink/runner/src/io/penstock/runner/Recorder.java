package io.penstock.runner;

import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.FutureTask;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptionsInternal;
import org.apache.flink.core.execution.DetachedJobExecutionResult;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.graph.StreamGraph;

/** Stands in for Flink while a program runs: what the program would submit is recorded, in every API for streams. */
final class Recorder extends StreamExecutionEnvironment {
    private final Configuration settings;
    private final JobID id;
    private final List<StreamGraph> jobs;

    Recorder(Configuration settings) {
        this(settings, new CopyOnWriteArrayList<>());
    }

    private Recorder(Configuration settings, List<StreamGraph> jobs) {
        super(settings, Thread.currentThread().getContextClassLoader());
        this.settings = settings;
        this.id = settings.getOptional(PipelineOptionsInternal.PIPELINE_FIXED_JOB_ID)
                .map(JobID::fromHexString).orElseGet(JobID::new);
        this.jobs = jobs;
    }

    List<StreamGraph> jobs() {
        return jobs;
    }

    /** Does what this thread does with every environment that it asks for being a recorder of this list. */
    <T> T during(Callable<T> action) throws Exception {
        initializeContextEnvironment(more -> {
            Configuration merged = new Configuration(settings);
            merged.addAll(more);
            return new Recorder(merged, jobs);
        });
        try {
            return action.call();
        } finally {
            resetContextEnvironment();
        }
    }

    /** Does this on another thread, so that the environment of the present one stays what it is. */
    <T> T recorded(Callable<T> action) throws Exception {
        FutureTask<T> task = new FutureTask<>(() -> during(action));
        Thread thread = new Thread(task, "recorded");
        thread.setDaemon(true);
        thread.start();
        return task.get();
    }

    @Override
    public JobExecutionResult execute(StreamGraph job) throws Exception {
        return new DetachedJobExecutionResult(executeAsync(job).getJobID());
    }

    @Override
    public JobClient executeAsync(StreamGraph job) {
        jobs.add(job);
        return new NotYet(id);
    }
}
