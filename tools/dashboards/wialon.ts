import { barGauge, stat, timeSeries } from "./charts.ts";
import { dashboard } from "./dashboard.ts";
import { beside, type Section } from "./grid.ts";
import { query, words } from "./panel.ts";
import { orZero, quantile, rate } from "./promql.ts";
import { table } from "./tables.ts";
import { jobsWith, selectorOf, type VariableOptions } from "./variables.ts";

const JOB = jobsWith("wialon_ips_capture_up");
const INSTANCE: VariableOptions = { name: "instance", label: "Host", metric: "wialon_ips_capture_up" };
const TYPE: VariableOptions = { name: "type", label: "Type", metric: "wialon_ips_packets_total" };

const HOSTS = selectorOf([JOB, INSTANCE]);
const CHOSEN = selectorOf([JOB, INSTANCE, TYPE]);

const answerTime = (of: number, by?: string) =>
  quantile(of, rate("wialon_ips_answer_seconds_bucket", HOSTS), by);

/** Something as long as interfaces are to be captured at all. */
const CAPTURES = `sum(wialon_ips_capture_up{${HOSTS}})`;

const ANSWERS = `sum(${rate("wialon_ips_answers_total", HOSTS)})`;
const REFUSED = orZero(
  `sum(${rate("wialon_ips_answers_total", `${HOSTS},meaning!="accepted"`)})`,
  ANSWERS,
);

const NOW: Section = {
  title: "Now",
  panels: beside(
    stat({
      title: "Captures down",
      description: "Interfaces that are to be captured and are not. Any means that what is shown is not all.",
      unit: "short",
      thresholds: [[1, "red"]],
      expr: `sum(1 - wialon_ips_capture_up{${HOSTS}})`,
    }),
    stat({
      title: "Devices",
      description:
        "Devices that have sent something of late. A sudden fall is an outage of a carrier or of the server.",
      unit: "short",
      expr: orZero(`sum(wialon_ips_devices{${HOSTS}})`, CAPTURES),
    }),
    stat({
      title: "Streams",
      description:
        "Directions of connections that carry data. Two a device are usual; many more are connections that were left open.",
      unit: "short",
      expr: `sum(wialon_ips_streams_size{${HOSTS}})`,
    }),
    stat({
      title: "Messages",
      description: "Messages of the chosen types in a second. None at all is a capture that sees nothing.",
      unit: "mps",
      expr: orZero(`sum(${rate("wialon_ips_packets_total", CHOSEN)})`, CAPTURES),
    }),
    stat({
      title: "Answer time, p95",
      description:
        "How soon 95 % of the messages are answered. A server that takes seconds makes devices send again.",
      unit: "s",
      thresholds: [[1, "orange"], [2, "red"]],
      expr: answerTime(0.95),
    }),
    stat({
      title: "Refused",
      description:
        "The share of answers that are not acceptance: wrong passwords, checksums, structures. A jump is a firmware or an account.",
      unit: "percentunit",
      thresholds: [[0.05, "orange"], [0.1, "red"]],
      expr: `(${REFUSED}) / (${ANSWERS} > 0)`,
    }),
    stat({
      title: "Cannot be read",
      description:
        "What is no message, in a second. Steady is a device that speaks another protocol at this port.",
      unit: "eps",
      thresholds: [[0.1, "orange"], [10, "red"]],
      expr: orZero(
        `sum(${rate("wialon_ips_parse_errors_total", HOSTS)})`,
        CAPTURES,
      ),
    }),
    stat({
      title: "Packets lost",
      description:
        "Packets for which the kernel had no room. Any makes the numbers too small: raise the buffer.",
      unit: "pps",
      thresholds: [[0.01, "red"]],
      expr: `sum(${rate("wialon_ips_capture_dropped_total", HOSTS)})`,
    }),
  ),
};

const MESSAGES: Section = {
  title: "Messages",
  panels: [
    ...beside(
      timeSeries({
        title: "Messages by type",
        description:
          "L is a login, SD, D and B are data, P a ping; those that begin with A are answers. Logins without data are devices that cannot stay.",
        unit: "mps",
        min: 0,
        queries: [query(`sum by (type) (${rate("wialon_ips_packets_total", CHOSEN)})`, "{{type}}")],
      }),
      timeSeries({
        title: "Traffic by type",
        description: "Bytes of messages as they came. What it costs where devices pay for data.",
        unit: "Bps",
        min: 0,
        isStacked: true,
        queries: [query(`sum by (type) (${rate("wialon_ips_bytes_total", CHOSEN)})`, "{{type}}")],
      }),
    ),
    ...beside(
      timeSeries({
        title: "Answers by meaning",
        description: "What the server says. Anything but accepted that grows is worth a look.",
        unit: "mps",
        min: 0,
        isStacked: true,
        queries: [query(`sum by (meaning) (${rate("wialon_ips_answers_total", HOSTS)})`, "{{meaning}}")],
      }),
      timeSeries({
        title: "Time to the answer",
        description:
          "By type of the answer: what half and 95 % of the messages wait at most. It is the server's time and the way to it.",
        unit: "s",
        min: 0,
        queries: [
          query(answerTime(0.5, "type"), "{{type}} p50"),
          query(answerTime(0.95, "type"), "{{type}} p95"),
        ],
      }),
    ),
    ...beside(
      timeSeries({
        title: "Checksums",
        description:
          "Of the messages that have one. Bad ones that grow are a firmware, or damage on the way.",
        unit: "mps",
        min: 0,
        isStacked: true,
        queries: [query(`sum by (verdict) (${rate("wialon_ips_crc_total", HOSTS)})`, "{{verdict}}")],
      }),
      timeSeries({
        title: "What cannot be read",
        description:
          "By reason: text and type are another protocol at this port, unfinished are connections that break.",
        unit: "eps",
        min: 0,
        queries: [query(
          `sum by (reason) (${rate("netcensus_parse_problems_total", `${HOSTS},collector="wialon"`)})`,
          "{{reason}}",
        )],
      }),
    ),
  ],
};

const STREAMS: Section = {
  title: "Devices and streams",
  panels: [
    ...beside(
      timeSeries({
        title: "Devices by version",
        description:
          "Devices that have sent something of late, by the version of the protocol. A step down is a carrier's outage.",
        unit: "short",
        min: 0,
        isStacked: true,
        queries: [query(`sum by (version) (wialon_ips_devices{${HOSTS}})`, "{{version}}")],
      }),
      timeSeries({
        title: "Streams by host",
        description:
          "Streams that carry data. Growth without more devices is connections that are not closed.",
        unit: "short",
        min: 0,
        queries: [query(`sum by (instance) (wialon_ips_streams_size{${HOSTS}})`, "{{instance}}")],
      }),
    ),
    ...beside(
      timeSeries({
        title: "Life of streams",
        description:
          "How long the streams lived that have ended in the last ten minutes, host by host. Short lives are devices that come again and again.",
        unit: "s",
        min: 0,
        queries: [query(
          `wialon_ips_stream_live_seconds{${HOSTS},quantile=~"0.5|0.95"}`,
          "{{instance}} p{{quantile}}",
        )],
      }),
      barGauge({
        title: "Ends with most streams",
        description:
          "The pairs of addresses with most streams. Many at one pair are connections that were left open, or a carrier's NAT.",
        unit: "short",
        queries: [query(
          `topk(15, sum by (src_ip, dst_ip) (wialon_ips_streams_by_ip_size{${HOSTS}}))`,
          "{{src_ip}} → {{dst_ip}}",
        )],
      }),
    ),
    ...beside(
      table({
        title: "Who sends most",
        description:
          "The ends with most messages of the chosen types. A device that sends all the time is a wrong setting.",
        labels: { instance: "Host", src_ip: "From", dst_ip: "To" },
        columns: [
          {
            title: "Messages",
            unit: "mps",
            expr: `topk(25, sum by (instance, src_ip, dst_ip) (${rate("wialon_ips_packets_total", CHOSEN)}))`,
          },
        ],
      }),
      table({
        title: "Who cannot be read",
        description:
          "The ends with most errors in the time shown. Look what they send: they are no Wialon IPS, or broken.",
        labels: { instance: "Host", src_ip: "From", dst_ip: "To" },
        columns: [
          {
            title: "Errors",
            unit: "short",
            decimals: 0,
            expr:
              `topk(25, sum by (instance, src_ip, dst_ip) (increase(wialon_ips_parse_errors_total{${HOSTS}}[$__range])))`,
          },
        ],
      }),
    ),
  ],
};

const CAPTURE: Section = {
  title: "Capture",
  panels: [
    ...beside(
      timeSeries({
        title: "Packets",
        description:
          "Packets that were captured, and those that were lost. Any lost one makes the numbers too small: raise the buffer.",
        unit: "pps",
        min: 0,
        queries: [
          query(
            `sum by (instance, interface) (${rate("wialon_ips_capture_packets_total", HOSTS)})`,
            "{{instance}} {{interface}} captured",
          ),
          query(
            `sum by (instance, interface) (${rate("wialon_ips_capture_dropped_total", HOSTS)})`,
            "{{instance}} {{interface}} no room",
          ),
          query(
            `sum by (instance, interface) (${rate("wialon_ips_capture_interface_dropped_total", HOSTS)})`,
            "{{instance}} {{interface}} lost by the interface",
          ),
        ],
      }),
      timeSeries({
        title: "Segments by fate",
        description:
          "Early ones came before others, repeated ones are known, stray ones have no place. Many of these are a bad network, or a capture that sees packets twice.",
        unit: "pps",
        min: 0,
        isStacked: true,
        queries: [query(`sum by (fate) (${rate("wialon_ips_segments_total", HOSTS)})`, "{{fate}}")],
      }),
    ),
    ...beside(
      timeSeries({
        title: "Gaps",
        description:
          "How often data were sent and not captured. Any is a loss at the capture or at the mirror port.",
        unit: "eps",
        min: 0,
        queries: [query(
          `sum by (instance) (${rate("wialon_ips_reassembly_gaps_total", HOSTS)})`,
          "{{instance}}",
        )],
      }),
      table({
        title: "Interfaces",
        description:
          "Whether each interface is captured, and how often that has begun in the time shown. One that begins again and again comes and goes.",
        height: 8,
        labels: { instance: "Host", interface: "Interface" },
        columns: [
          {
            title: "Begun",
            unit: "short",
            decimals: 0,
            expr:
              `sum by (instance, interface) (increase(wialon_ips_capture_opened_total{${HOSTS}}[$__range]))`,
          },
          {
            title: "Captured",
            unit: "short",
            base: "red",
            thresholds: [[1, "green"]],
            mappings: words("yes", "no"),
            expr: `min by (instance, interface) (wialon_ips_capture_up{${HOSTS}})`,
          },
        ],
      }),
    ),
  ],
};

export const WIALON_DASHBOARD = dashboard({
  uid: "netcensus-wialon",
  title: "netcensus: Wialon IPS",
  description:
    "Messages of Wialon IPS: devices, answers, errors, and how well they are captured. It needs the collector wialon.",
  variables: [JOB, INSTANCE, TYPE],
  sections: [NOW, MESSAGES, STREAMS, CAPTURE],
});
