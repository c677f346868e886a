/** What the options of a group come to, once they are seen together. */
import type { BalancerValues } from "./balancer-options.ts";
import { readSecret, readText } from "./files.ts";
import { passwordOf } from "./group-kind.ts";
import { groupOptions } from "./group-options.ts";
import { spell } from "./names.ts";
import type { Place } from "./option.ts";
import { checkAuthorities } from "./pem.ts";
import { type Source, whereOf } from "./values.ts";

type GroupValues = Pick<BalancerValues, "group" | "groupName" | "groupPassword" | "groupPasswordFile" | "groupCa">;

/** What says something of a group alone. A password in the environment may be there for many programs. */
const OF_GROUP = ["groupName", "groupPasswordFile", "groupCa"] as const;

/** What is wrong goes to `problems`. The password of the address is given apart from it, as a secret of its own. */
export function groupSettings(
  values: GroupValues,
  place: Place,
  problems: string[],
  given: Source,
): Pick<GroupValues, "groupPassword"> {
  const { group, groupPassword, groupPasswordFile, groupCa } = values;
  const name = (option: keyof GroupValues) => whereOf(given.get(option)) + spell(option, place);
  const inAddress = group && passwordOf(group);
  const flag = spell("group", "flag");
  if (inAddress !== null && given.get("group")?.from === flag) {
    problems.push(
      `${flag}: every user of this machine sees a password on the command line: give it with ${spell("groupPasswordFile", "flag")}, ` +
        `in ${spell("groupPassword", "env")} or in the configuration file`,
    );
  }
  if (inAddress !== null && (groupPassword !== null || groupPasswordFile !== null)) {
    problems.push(`${name("group")}: its password is given elsewhere as well: give one of them`);
  }
  for (const option of group === null ? OF_GROUP : []) {
    if (!given.has(option) || values[option] === groupOptions[option].default) continue;
    const where = whereOf(given.get(option));
    problems.push(
      `${where}${spell(option, place)}: there is no group that it could be of: say with ${spell("group", place)} where it meets`,
    );
  }
  if (groupPasswordFile !== null) checkPassword(groupPasswordFile, name("groupPasswordFile"), problems);
  if (groupCa !== null) {
    if (group?.tls === false) problems.push(`${name("groupCa")}: there is no TLS to check: write rediss:// in group`);
    const pem = readText(groupCa, name("groupCa"), problems);
    if (pem !== null) checkAuthorities({ option: name("groupCa"), pem }, problems);
  }
  return { groupPassword: inAddress ?? groupPassword };
}

function checkPassword(path: string, option: string, problems: string[]): void {
  const text = readSecret(path, option, problems);
  if (text !== null && text.trim() === "") problems.push(`${option}: the file is empty: write the password into it`);
}
