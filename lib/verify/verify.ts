import type { Verification } from "../format/verification.ts";
import { examine } from "./claim.ts";
import { CLAIMS } from "./claims/mod.ts";
import type { VerifyContext } from "./context.ts";

/**
 * Examines every claim; one that fails never stops the others. The result depends on nothing but the files, the options
 * and the kernels that this machine selects.
 * @throws DyadError (input) for a sample that cannot be turned into the network's input.
 */
export function verify(context: VerifyContext): Verification {
  const { subject, dataset, options } = context;
  const claims = CLAIMS.map((claim) => examine(claim, context));
  const hashes: Record<string, string | undefined> = {
    ...Object.fromEntries(subject.files.map(({ role, sha256 }) => [role, sha256])),
    constants: subject.constantsSha256,
    data: dataset.sha256,
    labels: dataset.labelsSha256,
  };
  return {
    inputs: Object.fromEntries(Object.entries(hashes).flatMap(([role, sha256]) => sha256 ? [[role, { sha256 }]] : [])),
    options: { ...options },
    network: subject.network.name,
    passed: claims.every(({ status }) => status !== "failed"),
    claims,
  };
}
