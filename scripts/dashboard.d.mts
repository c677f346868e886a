/** For the scripts that are written in TypeScript. */
export function makeDashboard(): void;
