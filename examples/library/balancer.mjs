/** A balancer in a program: PORT for clients, ADMIN_PORT for applications that register. */
import harmony from "node-harmony";

const balancer = harmony.server({
  listenport: Number(process.env.PORT ?? 3000),
  adminport: Number(process.env.ADMIN_PORT ?? 1666),
  persistent: false,
  unavailable: "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\nNobody is here yet.\n",
});

balancer.on("targetUp", ({ identity, weight }) => console.log(`${identity} is up, weight ${weight}`));
balancer.on("targetDrain", ({ identity }) => console.log(`${identity} drains`));
balancer.on("targetLeave", ({ identity }) => console.log(`${identity} has left`));

const { listen, admin } = await balancer.ready;
console.log(`clients connect to port ${listen[0].port}, applications to port ${admin[0].port}`);

process.on("SIGTERM", () => balancer.close());
