/** What is the process's own: its key, and the service manager's word with it. */
const OWN_VARIABLES = ["HARMONY_KEY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/** The environment of a program that is started for a user: ours without secrets, and what is `given`. */
export function childEnvironment(given: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const handed = Object.entries(process.env).filter(([name]) => !OWN_VARIABLES.includes(name));
  return { ...Object.fromEntries(handed), ...given };
}
