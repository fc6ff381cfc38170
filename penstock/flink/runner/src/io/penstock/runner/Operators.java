package io.penstock.runner;

import java.lang.reflect.Method;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.flink.runtime.jobgraph.OperatorID;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ArrayNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.streaming.api.graph.StreamEdge;
import org.apache.flink.streaming.api.graph.StreamGraph;
import org.apache.flink.streaming.api.graph.StreamGraphHasherV2;
import org.apache.flink.streaming.api.graph.StreamNode;
import org.apache.flink.streaming.api.graph.StreamingJobGraphGenerator;
import org.apache.flink.streaming.runtime.partitioner.ForwardPartitioner;
import org.apache.flink.streaming.runtime.partitioner.RebalancePartitioner;

/**
 * The operators of a job, by the ids that Flink gives them while each has the parallelism of the job. Those stay their
 * ids here when that is changed, although Flink then makes other ones of the changed chains.
 */
final class Operators {
    private static final String PLACE = "operator_config";

    private final StreamGraph job;
    private final Map<Integer, String> ids;

    Operators(StreamGraph job) {
        this.job = job;
        this.ids = idsInFlink();
    }

    private Map<Integer, String> idsInFlink() {
        Map<Integer, String> found = new TreeMap<>();
        new StreamGraphHasherV2().traverseStreamGraphAndGenerateHashes(job)
                .forEach((node, hash) -> found.put(node, new OperatorID(hash).toHexString()));
        return found;
    }

    /** Gives operators another parallelism, by their ids; where a job updates rows, their order is kept. */
    void set(Map<String, Integer> parallelism, boolean updates) {
        Set<String> unknown = new TreeSet<>(parallelism.keySet());
        unknown.removeAll(ids.values());
        if (!unknown.isEmpty()) {
            throw new Refusal(PLACE, "the job has no operator " + String.join(", ", unknown));
        }
        ids.forEach((node, id) -> {
            if (parallelism.containsKey(id)) {
                set(job.getStreamNode(node), parallelism.get(id));
            }
        });
        for (StreamNode node : job.getStreamNodes()) {
            node.getOutEdges().forEach(edge -> spread(edge, updates));
        }
        ids.forEach(this::pin);
    }

    private void set(StreamNode node, int parallelism) {
        int most = mostOf(node);
        if (most > 0 && parallelism > most) {
            throw new Refusal(PLACE, named(node) + " can have a parallelism of " + most + " at most");
        }
        job.setParallelism(node.getId(), parallelism);
    }

    private static int mostOf(StreamNode node) {
        try { // Flink 1.20 keeps it to itself.
            Method method = StreamNode.class.getDeclaredMethod("getMaxParallelism");
            method.setAccessible(true);
            return (int) method.invoke(node);
        } catch (ReflectiveOperationException error) {
            throw new IllegalStateException(error);
        }
    }

    /** Rows that stayed within an instance go to all of the next operator, once that has not as many. */
    private void spread(StreamEdge edge, boolean updates) {
        StreamNode from = job.getStreamNode(edge.getSourceId());
        StreamNode to = job.getStreamNode(edge.getTargetId());
        if (!(edge.getPartitioner() instanceof ForwardPartitioner) || from.getParallelism() == to.getParallelism()) {
            return;
        }
        boolean commits = to.getOperatorFactory().getClass().getSimpleName().startsWith("Committer");
        if (updates || commits) {
            throw new Refusal(PLACE, named(from) + " and " + named(to)
                    + " need the same parallelism: what one tells the other must arrive in its order");
        }
        edge.setPartitioner(new RebalancePartitioner<>());
    }

    /** Lets state be found whatever parallelism is given next, and that of a run before any was given. */
    private void pin(int node, String id) {
        StreamNode operator = job.getStreamNode(node);
        if (operator.getTransformationUID() == null && operator.getUserHash() == null) {
            job.setTransformationUID(node, id);
            operator.setUserHash(id);
        }
    }

    private String named(StreamNode node) {
        return "operator " + ids.get(node.getId()) + " (" + node.getOperatorName() + ")";
    }

    /** Tells of all operators, as JSON: `flink` is the id in Flink, `chain` the operators that run as one task. */
    String drawn() {
        Map<Integer, String> inFlink = idsInFlink();
        ObjectMapper json = new ObjectMapper();
        ArrayNode operators = json.createArrayNode();
        for (Map.Entry<Integer, String> each : ids.entrySet()) {
            StreamNode node = job.getStreamNode(each.getKey());
            ObjectNode told = operators.addObject();
            told.put("id", each.getValue()).put("flink", inFlink.get(each.getKey()));
            told.put("name", node.getOperatorName()).put("description", node.getOperatorDescription());
            told.put("parallelism", node.getParallelism());
            ArrayNode inputs = told.putArray("inputs");
            node.getInEdges().forEach(edge -> inputs.addObject()
                    .put("id", ids.get(edge.getSourceId())).put("ship", edge.getPartitioner().toString()));
            ArrayNode chain = told.putArray("chain");
            chain(node).forEach(member -> chain.add(ids.get(member)));
        }
        return operators.toString();
    }

    private Set<Integer> chain(StreamNode start) {
        Set<Integer> chain = new TreeSet<>(Set.of(start.getId()));
        Deque<StreamNode> left = new ArrayDeque<>(List.of(start));
        while (!left.isEmpty()) {
            StreamNode node = left.pop();
            List<StreamEdge> edges = new ArrayList<>(node.getInEdges());
            edges.addAll(node.getOutEdges());
            for (StreamEdge edge : edges) {
                int other = edge.getSourceId() == node.getId() ? edge.getTargetId() : edge.getSourceId();
                if (StreamingJobGraphGenerator.isChainable(edge, job) && chain.add(other)) {
                    left.push(job.getStreamNode(other));
                }
            }
        }
        return chain;
    }
}
