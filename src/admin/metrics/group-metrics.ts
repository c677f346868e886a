/** Metrics of the group that the balancer is in; none of a balancer that is in none. */
import type { GroupView } from "../../group/view.ts";
import { byLabel, type NumberMetric, type Series, single } from "./metric.ts";
import type { Scrape } from "./scrape.ts";

export const groupMetrics: readonly NumberMetric[] = [
  {
    name: "harmony_group_connected",
    type: "gauge",
    labels: [],
    help: "1: what the balancers of its group know is shared. 0: the place where they meet is not reached, and what was known stays in force. None of a balancer that is in no group, here and below.",
    series: (scrape) => ofGroup(scrape, ({ state }) => single(state === "connected" ? 1 : 0)),
  },
  {
    name: "harmony_group_members",
    type: "gauge",
    labels: ["state"],
    help: "Balancers of the group, this one among them: present, left (it has said goodbye), or gone (nothing has been heard of it for long).",
    series: (scrape) =>
      ofGroup(scrape, ({ members }) => {
        const of = (wanted: string) => members.filter(({ state }) => state === wanted).length;
        return byLabel(
          "state",
          ["present", "left", "gone"].map((state) => [state, of(state)]),
        );
      }),
  },
  {
    name: "harmony_group_shared_targets",
    type: "gauge",
    labels: [],
    help: "Targets that this balancer knows from others of its group alone.",
    series: (scrape) => ofGroup(scrape, ({ sharedTargets }) => single(sharedTargets)),
  },
  {
    name: "harmony_group_bindings_total",
    type: "counter",
    labels: ["direction"],
    help: "Sticky bindings that were shared: written for the others, those in use again and again; and taken from the others, where the client had none here or an older one.",
    series: ({ measured: { sharedBindings } }) =>
      sharedBindings === null
        ? []
        : byLabel("direction", [
            ["written", sharedBindings.written],
            ["taken", sharedBindings.taken],
          ]),
  },
  {
    name: "harmony_group_look_ups_total",
    type: "counter",
    labels: ["result"],
    help: "Where connections wait for what other balancers know of their clients (persistent-shared): how often that was read, for all that waited then (done), and how often it could not be, or not all of it (failed); and late, how often those of a pool who waited together went on before it was, as the time of the first of them was over.",
    series: ({ measured: { lookUps } }) =>
      lookUps === null
        ? []
        : byLabel("result", [
            ["done", lookUps.done],
            ["failed", lookUps.failed],
            ["late", lookUps.late],
          ]),
  },
];

function ofGroup({ measured: { group } }: Scrape, series: (group: GroupView) => readonly Series[]): readonly Series[] {
  return group === null ? [] : series(group);
}
