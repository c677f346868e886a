/** Harmony's version, in a form that every runtime, bundler and the npm package can import. A test holds it equal to package.json's. */
export const VERSION = "2.0.0";
