/** What is the process's own: its key, its group's address and password, and the service manager's word with it. */
const SECRETS = ["HARMONY_KEY", "HARMONY_GROUP", "HARMONY_GROUP_PASSWORD"];
const OWN_VARIABLES = [...SECRETS, "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/** The environment of a program that is started for a user: ours without secrets, and what is `given`. */
export function childEnvironment(given: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const handed = Object.entries(process.env).filter(([name]) => !OWN_VARIABLES.includes(name));
  return { ...Object.fromEntries(handed), ...given };
}
