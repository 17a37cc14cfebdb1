/** What a check says of `tests/testdata/config/netflow-collector-mistakes.yml`, by line and column. */
export const MISTAKES: readonly string[] = [
  '1:19: Expected an address such as :9095, 127.0.0.1:9095 or [::1]:9095, not "0.0.0.0"',
  '3:17: Expected a whole number of seconds from 1 to 1000000000, not "0"',
  '4:1: Unknown key "pipline" (did you mean "pipeline"?)',
  '8:7: Unknown key "local_to_local" (did you mean "local-to-local"?)',
  "9:7: A filter needs one of the keys cidr, is and isUint32",
  '10:7: A filter needs the key "match"',
  '11:14: Unknown attribute "source_prt" (did you mean "source_port"?)',
  '14:11: Expected an IP address, not "localhost"',
  '16:13: Expected a network such as 10.0.0.0/8, not "10.0.0.0/33"',
  "18:7: Expected isUint32 for source_port, not is",
  "20:7: Expected cidr or is for destination_ip, not isUint32",
  "22:7: Expected no predicate for bytes, not isUint32",
  '24:17: Expected a whole number from 0 to 4294967295, not "tcp"',
  '25:14: Filters come before enrichers: they do not know "source_country"',
  "28:7: Expected one of host_alias, interface_mapper, maxmind_asn, maxmind_country, protocol_name, " +
  'reverse_dns, not "maxmind_contry" (did you mean "maxmind_country"?)',
  '31:13: "net-flow" cannot begin a name: letters, digits, _ and :, not a digit first',
  '33:15: "flow_traffic-detail" is not a name for a metric: letters, digits, _ and :, not a digit first',
  '36:20: Unknown attribute "source_contry" (did you mean "source_country"?)',
  '40:13: Unknown key "convertor" (did you mean "converter"?)',
  '43:24: Expected one of ipv4, str, uint32, uint64, static, not "unit32" (did you mean "uint32"?)',
  "46:24: Expected uint32 for proto, not str",
  '47:19: "output-interface" is not a name for a label: letters, digits and _, not a digit or __ first',
  '50:13: A label needs the key "name"',
  '52:9: A metric needs the key "name"',
  '55:9: Unknown key "lables" (did you mean "labels"?)',
  '56:1: Unknown key "extentions" (did you mean "extensions"?)',
];

/** What it says of others. */
export const WRONG: readonly { text: string; lines: readonly string[] }[] = [
  {
    text: "netflow_endpoint: :1\nweb: { listen_address: :2 }\nrules: []",
    lines: [
      '2:1: Expected a configuration of one program, not of two: "web" is of netcensus, ' +
      '"netflow_endpoint" of netflow-collector',
    ],
  },
  {
    text: "flush_interval: -1",
    lines: ['1:17: Expected a whole number of seconds from 1 to 1000000000, not "-1"'],
  },
  ...["a-b", "1a", "process_cpu_seconds_total", "netcensus_series"].map((name) => ({
    text: `web: { scrape_metric: ${name} }`,
    lines: [`1:23: Expected a name for a metric, none of the exporter itself, not "${name}"`],
  })),
  { text: "pipeline: []", lines: ["1:11: Expected a map, not a list"] },
  {
    text: "extensions: { reverse_dn: {} }",
    lines: ['1:15: Unknown key "reverse_dn" (did you mean "reverse_dns"?)'],
  },
  {
    text: "{ pipeline: { enrich: [maxmind_asn] }, extensions: { maxmind_asn: { mmdb_dri: /tmp } } }",
    lines: ['1:69: Unknown key "mmdb_dri" (did you mean "mmdb_dir"?)'],
  },
  {
    text: "{ pipeline: { enrich: [maxmind_asn] }, extensions: { maxmind_asn: { type: networks } } }",
    lines: ['1:69: Unknown key "type"'],
  },
  {
    text: "{ pipeline: { enrich: [interface_mapper] }, extensions: { interface_mapper: { wan: 1 } } }",
    lines: ['1:79: Expected the index of an interface from 0 to 4294967295, not "wan"'],
  },
  {
    text: "pipeline: { metrics: { items: [{ name: a }, { name: a }] } }",
    lines: ['1:53: The rule "flow_a" is already defined at c.yml:1:40'],
  },
  {
    text:
      "pipeline: { metrics: { items: [{ name: a, labels: [{ name: x, value: nothing_such, converter: str }] }] } }",
    lines: [
      '1:70: Unknown attribute "nothing_such"; known are source_ip, destination_ip, next_hop, sampler, source_as, ' +
      "destination_as, proto, source_port, destination_port, input_interface, output_interface, bytes, packets, " +
      "source_country, source_asn_org, source_asn_num, source_host_alias, source_dns, destination_country, " +
      "destination_asn_org, destination_asn_num, destination_host_alias, destination_dns, input_interface_name, " +
      "output_interface_name, proto_name",
    ],
  },
];
