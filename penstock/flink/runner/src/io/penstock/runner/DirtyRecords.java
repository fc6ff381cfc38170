package io.penstock.runner;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.table.catalog.CatalogManager;
import org.apache.flink.table.catalog.CatalogTable;
import org.apache.flink.table.catalog.ContextResolvedTable;
import org.apache.flink.table.catalog.ObjectIdentifier;

/** Lets the formats of a table skip what they cannot read, unless the table says what becomes of it. */
final class DirtyRecords {
    private static final Set<String> ABLE = Set.of(
            "canal-json", "csv", "debezium-json", "json", "maxwell-json", "ogg-json", "protobuf");

    private DirtyRecords() {}

    static void skip(CatalogManager catalogs, ObjectIdentifier name) {
        ContextResolvedTable found = catalogs.getTable(name).orElseThrow();
        CatalogTable table = found.getTable();
        CatalogTable skipping = table.copy(skipping(table.getOptions()));
        // Flink's operations on tables have other signatures in 1.20 than in 2; these are the same.
        if (found.isTemporary()) {
            catalogs.dropTemporaryTable(name, false);
            catalogs.createTemporaryTable(skipping, name, false);
        } else {
            catalogs.alterTable(skipping, name, false);
        }
    }

    private static Map<String, String> skipping(Map<String, String> options) {
        Map<String, String> skipping = new HashMap<>(options);
        for (String part : List.of("", "key.", "value.")) {
            String format = options.getOrDefault(part + "format", "");
            String prefix = part + format + ".";
            // Flink refuses both of them together.
            if (ABLE.contains(format) && !Boolean.parseBoolean(options.get(prefix + "fail-on-missing-field"))) {
                skipping.putIfAbsent(prefix + "ignore-parse-errors", "true");
            }
        }
        return skipping;
    }
}
