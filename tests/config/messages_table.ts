const FIELDS =
  "known are source_address, source_port, destination_address, destination_port, state, interface, " +
  "protocol, family, direction, process_name, user_id, queue, queue_limit, rtt_seconds, retransmitted_segments, " +
  "unacked_segments";
const STATES =
  "ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE, CLOSE_WAIT, LAST_ACK, " +
  "LISTEN, CLOSING, UNCONN";
const STEPS =
  "known are lower, upper, prefix, suffix, truncate, map, regex, cidr, port_class, static, on_missing, " +
  "service";

/**
 * What `netcensus check` says of the files `tests/testdata/config/NAME.bad.yml`, without the file's name before the
 * line and column.
 */
export const MESSAGES: Readonly<Record<string, readonly string[]>> = {
  "alias-within-itself": ['4:29: The alias "labels" is within what it stands for'],
  "bad-address": [
    '4:7: Expected an address such as :9095, 127.0.0.1:9095 or [::1]:9095, not "127.0.0.1"',
    '5:7: Expected an address such as :9095, 127.0.0.1:9095 or [::1]:9095, not "[::1]:99999"',
  ],
  "bad-boolean": ['2:21: Expected true or false, not "yes"', '4:14: Expected true or false, not "on"'],
  "bad-choice": [
    '2:10: Expected one of debug, info, warn, error, not "debgu" (did you mean "debug"?)',
    '3:11: Expected one of logfmt, json, not "xml"',
  ],
  "bad-label-name": [
    '5:15: "source-port" is not a name for a label: letters, digits and _, not a digit or __ first',
  ],
  "bad-max-series": ['4:17: Expected a whole number from 1 to 10000000, not "0"'],
  "bad-metric-name": [
    '2:11: "web-connections" is not a name for a metric: letters, digits, _ and :, not a digit first',
  ],
  "bad-network": [
    '5:7: Expected a network such as 10.0.0.0/8, not "192.168.0.0/33"',
    '6:7: Expected a network such as 10.0.0.0/8, not "home"',
  ],
  "bad-number": [
    '2:17: Expected a whole number from 0 to 100000, not "many"',
    '4:13: Expected a number of seconds from 1 to 86400, not "0"',
  ],
  "bad-path": ['2:19: Expected a path such as /metrics, not "metrics"'],
  "bad-regex": [
    '6:14: Cannot compile the regular expression "ngin(x": Unterminated group',
    '12:22: Cannot compile the regular expression "([a-z": Unterminated character class',
  ],
  "bad-ttl": ['4:10: Expected a duration such as 30s, 5m or 2h, not "5 minutes"'],
  "bad-type": [
    '4:11: Expected one of gauge, counter, histogram, summary, not "guage" (did you mean "gauge"?)',
  ],
  "buckets-of-gauge": ["4:14: A gauge has no buckets"],
  "buckets-of-words": [
    '6:15: Expected a number, not "100ms"',
    '6:22: Expected a number, not "1s"',
  ],
  "cidr-of-port": ["6:15: The condition cidr is for addresses only"],
  "cidr-of-words": ['6:13: Expected a network such as 10.0.0.0/8, not "lan"'],
  "collector-is-text": ['2:12: Expected true, false or a map of settings, not "enabled"'],
  "condition-of-object": [
    '6:7: Unknown condition "constructor"; known are is, in, cidr, range, regex, present and not',
  ],
  "descending-buckets": ['6:14: A histogram needs "buckets": numbers that ascend'],
  "document-is-list": ["1:1: Expected a map, not a list"],
  "document-is-text": ['1:1: Expected a map, not "collector.sockets"'],
  "duplicate-key": ['5:1: The key "log" is there twice'],
  "duplicate-network": ["5:7: The network 10.0.0.0/8 is there twice"],
  "duplicate-rule": ['6:11: The rule "web_connections" is already defined at duplicate-rule.bad.yml:2:11'],
  "filter-is-text": ['4:13: Expected a filter such as {match: FIELD, is: VALUE}, not "state == ESTABLISHED"'],
  "filter-without-condition": [
    "5:7: A filter needs a condition: one of is, in, cidr, range, regex, present, not",
  ],
  "histogram-name-taken": ['7:11: The series of "rtt_bucket" and "rtt" would have the same name'],
  "histogram-without-buckets": ['4:11: A histogram needs "buckets": numbers that ascend'],
  "is-no-address": ['6:11: Expected an IP address, not "localhost"'],
  "is-no-choice": [`6:25: Expected one of ${STATES}, not "TIMEWAIT" (did you mean "TIME_WAIT"?)`],
  "is-no-number": ['4:40: Expected a number, not "https"'],
  "key-of-object": [
    '2:3: Unknown key "toString"; known are level, format',
    '3:1: Unknown key "__proto__"; known are collectors, rules, filters, enrich, web, log, path',
  ],
  "label-le": ['8:17: The label "le" of a histogram is that of its buckets'],
  "label-of-three-fields": ["6:16: A value is made of one field or of two"],
  "label-twice": ['6:15: The label "state" is there twice'],
  "labels-are-map": ["5:7: Expected a list of labels, not a map"],
  "list-for-map": ["2:3: Expected a map, not a list"],
  "map-for-list": ["2:3: Expected a list of rules, not a map"],
  "map-for-text": ["3:5: Expected the path of a folder, not a map"],
  "network-without-name": ["4:18: Expected a text, not nothing", "5:20: Expected a text, not a list"],
  "openmetrics-name-taken": ['4:11: The series of "visits" and "visits_total" would have the same name'],
  "range-of-address": ["6:14: The condition range is for numbers only"],
  "range-of-words": ['6:14: Expected a range such as "1024-49151", "1024-" or [0.5, 10]'],
  "reserved-name": ['2:11: The name "netcensus_connections" is reserved for the exporter\'s own metrics'],
  "rule-is-text": ['2:5: Expected a rule, not "web_connections"'],
  "rule-without-name": ['2:5: A rule needs the key "name"'],
  "rule-without-source": ['2:11: The rule "web_connections" needs the key "source": one of sockets, flows'],
  "several-mistakes": [
    '2:3: Unknown key "listen_adress" (did you mean "listen_address"?)',
    '4:10: Expected one of debug, info, warn, error, not "verbose"',
    '7:13: Unknown source "socket" (did you mean "sockets"?); known are sockets, flows',
    '8:5: A rule needs the key "name"',
  ],
  "step-of-object": [`6:17: Unknown step "toString"; ${STEPS}`],
  "step-of-two": ['7:13: Expected a step such as "lower" or {prefix: "x"}, not a map'],
  "step-with-argument": ['7:20: Expected no argument, not "true"'],
  "step-without-argument": [
    `8:13: The step "map" needs an argument: other texts for some values; \`*\` is for all the rest, without it they stay as they are`,
  ],
  "syntax-bracket": ["5:1: Flow sequence in block collection must be sufficiently indented and end with a ]"],
  "syntax-colon": ["2:3: Implicit keys need to be on a single line"],
  "syntax-indent": ["2:10: Nested mappings are not allowed in compact mappings"],
  "syntax-quote": ['4:1: Missing closing "quote'],
  "tabs": ["2:1: Tabs are not allowed as indentation"],
  "ttl-of-snapshot": ["4:10: The records of sockets are snapshots: their series have no time to live"],
  "two-documents": ["3:1: Expected one document, not several"],
  "unconfigured-enricher": ['5:62: The step "networks" needs an entry "networks" in "enrich"'],
  "unknown-alias": ['4:13: Unknown alias "everything"'],
  "unknown-collector": ['2:3: Unknown key "socket" (did you mean "sockets"?)'],
  "unknown-enricher-type": [
    '3:11: Unknown enricher "netwoks" (did you mean "networks"?); known are networks, service',
  ],
  "unknown-enricher": [
    '2:3: Unknown enricher "network" (did you mean "networks"?); known are networks, service',
  ],
  "unknown-field-of-filter": [`4:22: Unknown field "port" of sockets; ${FIELDS}`],
  "unknown-field": [`4:21: Unknown field "adress" of sockets; ${FIELDS}`],
  "unknown-key-of-collector": ['3:5: Unknown key "sourc" (did you mean "source"?)'],
  "unknown-key-of-enricher": ['3:5: Unknown key "network" (did you mean "networks"?)'],
  "unknown-key-of-filter": [
    '6:7: Unknown condition "equals"; known are is, in, cidr, range, regex, present and not',
  ],
  "unknown-key-of-label": [
    `5:15: Unknown field "port" of sockets; ${FIELDS}`,
    '6:9: Unknown key "feild" (did you mean "field"?)',
  ],
  "unknown-key-of-rule": ['4:5: Unknown key "lables" (did you mean "labels"?)'],
  "unknown-key-of-section": ['2:3: Unknown key "listen_adress" (did you mean "listen_address"?)'],
  "unknown-key-of-step": ['8:29: Unknown key "ipv6"; known are v4, v6'],
  "unknown-kind-of-filter": [
    '5:9: A filter has either the key "match" or one of "all", "any" and "not" (did you mean "any"?)',
  ],
  "unknown-output": ['9:69: "networks" has no "town"; it has name, city'],
  "unknown-section": ['3:1: Unknown key "colectors" (did you mean "collectors"?)'],
  "unknown-source": ['3:13: Unknown source "socket" (did you mean "sockets"?); known are sockets, flows'],
  "unknown-step": [`5:32: Unknown step "lowercase"; ${STEPS}`],
  "unknown-value": ['4:12: Expected count or a field that is a number, not "byte" (did you mean "bytes"?)'],
};
