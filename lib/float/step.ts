/**
 * One node of the network with its derivatives. Each method reads and writes the node's variables; what the methods before
 * it left there still stands.
 */
export interface Step {
  /** Its outputs from its inputs. */
  forward(): void;
  /** Tangents of its outputs from those of its inputs. */
  tangent(): void;
  /** Adds its part to the gradients of its inputs, from those of its outputs. */
  gradient(): void;
  /** Adds its part to the derivatives of those gradients along the last direction. */
  gradientTangent(): void;
}
