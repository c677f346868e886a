/** How long things take in a cluster that is set up as Kubernetes is by default. ms. */

/** From a change to the rules: by way of the API server, the controller of endpoints and kube-proxy, which may wait for a second (`minSyncPeriod`). */
export const PROPAGATION = 1_000;

/** Between two words of a kubelet that its node is there: a quarter of `nodeLeaseDurationSeconds`. */
export const LEASE_INTERVAL = 10_000;

/** After a node's last word, until its pods are held to be gone (`node-monitor-grace-period`; 40 s in older releases). */
export const GRACE = 50_000;

/** Between two looks at that (`node-monitor-period`). */
export const MONITOR_PERIOD = 5_000;

/** At most, from the end of a node to rules without its pods. */
export const MISSED: number = GRACE + MONITOR_PERIOD + PROPAGATION;
