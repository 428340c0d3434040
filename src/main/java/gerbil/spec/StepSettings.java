package gerbil.spec;

/**
 * How a training step is computed on a device. It decides speed, memory and rounding, and so it is chosen once for a run,
 * recorded, and kept when the run is continued.
 *
 * @param path fused or plain
 * @param precision of the fused path's products; the plain path's is float32
 * @param microBatch sequences computed at once
 * @param headChunk tokens whose logits the fused head makes at once
 * @param headGroup chunks whose gradients of the head's weight are one product
 */
public record StepSettings(TrainingPath path, Precision precision, int microBatch, int headChunk, int headGroup) {
}
