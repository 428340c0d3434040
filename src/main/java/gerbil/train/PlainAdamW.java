package gerbil.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import gerbil.spec.OptimizerSettings;

import java.util.Map;

/** AdamW in ordinary DJL operations. */
public final class PlainAdamW extends AdamW {

    /**
     * @param parent closing it closes the optimizer
     * @param weights what is learned, by name; they record gradients
     */
    public PlainAdamW(NDManager parent, Map<String, NDArray> weights, OptimizerSettings settings) {
        super(parent, weights, settings, LossScale.none());
    }

    @Override
    double update(NDList gradients, NDArray losses, double learningRate) {
        NDList norms = new NDList(gradients.stream().map(g -> g.square().sum()).toList());
        double norm = Math.sqrt(NDArrays.stack(norms).sum().getFloat()) + 0 * losses.sum().getFloat();
        double clip = Math.min(1, settings.clipNorm() / (norm + CLIP_EPSILON));
        for (int i = 0; i < gradients.size(); i++) {
            if (Double.isFinite(norm)) {
                update(i, gradients.get(i).mul(clip), learningRate);
            }
            gradients.get(i).set(EVERYTHING, gradients.get(i).zerosLike());
        }
        return norm;
    }

    private void update(int i, NDArray gradient, double learningRate) {
        int updates = steps() - lossScale.skipped();
        double meanCorrection = 1 - Math.pow(settings.beta1(), updates);
        double squareCorrection = 1 - Math.pow(settings.beta2(), updates);
        NDArray mean = means.get(i);
        NDArray square = squares.get(i);
        mean.muli(settings.beta1()).addi(gradient.mul(1 - settings.beta1()));
        square.muli(settings.beta2()).addi(gradient.square().mul(1 - settings.beta2()));
        NDArray denominator = square.sqrt().div(Math.sqrt(squareCorrection)).add(settings.epsilon());
        // detached: PyTorch refuses to change a parameter in place while it records gradients
        NDArray parameter = parameters.get(i).stopGradient();
        parameter.muli(1 - learningRate * decay(parameter.getShape().dimension()));
        parameter.subi(mean.div(denominator).mul(learningRate / meanCorrection));
    }
}
