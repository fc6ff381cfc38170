package io.penstock.runner;

import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;

/** The client of a job that starts when the program's main has returned: it can say the job's id, and nothing else. */
final class NotYet implements JobClient {
    private final JobID id;

    NotYet(JobID id) {
        this.id = id;
    }

    @Override
    public JobID getJobID() {
        return id;
    }

    @Override
    public CompletableFuture<JobStatus> getJobStatus() {
        return refused();
    }

    @Override
    public CompletableFuture<Void> cancel() {
        return refused();
    }

    @Override
    public CompletableFuture<String> stopWithSavepoint(
            boolean drain, String directory, SavepointFormatType format) {
        return refused();
    }

    @Override
    public CompletableFuture<String> triggerSavepoint(String directory, SavepointFormatType format) {
        return refused();
    }

    @Override
    public CompletableFuture<Map<String, Object>> getAccumulators() {
        return refused();
    }

    @Override
    public CompletableFuture<JobExecutionResult> getJobExecutionResult() {
        return refused();
    }

    private static <T> CompletableFuture<T> refused() {
        throw new IllegalStateException("the job starts when main has returned; main cannot wait for it, or ask of it");
    }
}
