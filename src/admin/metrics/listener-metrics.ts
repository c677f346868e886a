/** Metrics with series for each listener that asks something of its clients before they are served, or speaks TLS with them. */
import { labelText } from "./label.ts";
import type { NumberMetric, Series } from "./metric.ts";
import type { MeasuredEdge, MeasuredTls, Scrape } from "./scrape.ts";

const AT = ["listener", "address"];

export const listenerMetrics: readonly NumberMetric[] = [
  {
    name: "harmony_refusals_total",
    type: "counter",
    labels: ["listener", "reason"],
    help: "Clients that were turned away before they were served, by reason. None of a listener that asks nothing of them.",
    series: ({ measured }) =>
      measured.edges().map(({ listener, refusals }) => {
        const all = Object.entries(refusals);
        const labels = all.map(([reason]) => `${labelText("listener", listener)},${labelText("reason", reason)}`);
        return { labels, value: (nth) => all[nth]![1] };
      }),
  },
  {
    name: "harmony_untracked_clients_total",
    type: "counter",
    labels: ["listener"],
    help: "Clients that were let in without being counted for client-connections and client-rate, since too many others were.",
    series: ({ measured }) => atEachEdge(measured.edges(), ({ untracked }) => untracked),
  },
  {
    name: "harmony_listener_edge_bytes",
    type: "gauge",
    labels: ["listener"],
    help: "Memory for its lists of addresses and for the limits of its clients.",
    series: ({ measured }) => atEachEdge(measured.edges(), ({ bytes }) => bytes),
  },
  {
    name: "harmony_tls_handshakes_total",
    type: "counter",
    labels: [...AT, "kind"],
    help: "TLS handshakes of clients that were agreed on: full, or resumed by a ticket.",
    series: (scrape) => [
      ...atEach(scrape, ({ handshakes, resumed }) => handshakes - resumed, 'kind="full"'),
      ...atEach(scrape, ({ resumed }) => resumed, 'kind="resumed"'),
    ],
  },
  {
    name: "harmony_tls_handshake_failures_total",
    type: "counter",
    labels: AT,
    help: "TLS handshakes of clients that were not agreed on, or not in time, or whose client is not to be trusted.",
    series: (scrape) => atEach(scrape, ({ failed }) => failed),
  },
  {
    name: "harmony_tls_certificate_expiry_timestamp_seconds",
    type: "gauge",
    labels: [...AT, "file"],
    help: "Unix time until when the certificate that is in use is valid.",
    series: ({ measured }) =>
      measured.tls().map((at) => {
        const each = [...new Map(at.certificates.map(({ file, notAfter }) => [file, notAfter]))]; // a file may be named twice
        return {
          labels: each.map(([file]) => `${addressLabels(at)},${labelText("file", file)}`),
          value: (nth) => each[nth]![1] / 1_000,
        };
      }),
  },
];

function atEachEdge(edges: readonly MeasuredEdge[], value: (edge: MeasuredEdge) => number): readonly Series[] {
  return [{ labels: edges.map(({ listener }) => labelText("listener", listener)), value: (nth) => value(edges[nth]!) }];
}

function atEach({ measured }: Scrape, value: (at: MeasuredTls) => number, also = ""): readonly Series[] {
  const all = measured.tls();
  return [{ labels: all.map(addressLabels), also, value: (nth) => value(all[nth]!) }];
}

function addressLabels({ address, listener }: MeasuredTls): string {
  return `${labelText("listener", listener)},${labelText("address", address)}`;
}
