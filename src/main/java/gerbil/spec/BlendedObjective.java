package gerbil.spec;

import gerbil.base.Choice;

/** The three things that a Blender model learns to predict, in the order of shares in {@link BlenderSettings}. */
public enum BlendedObjective implements Choice {
    /** A span of several tokens, from the text before and after it (Bavarian et al. 2022). */
    FILL_IN_THE_MIDDLE,
    /** The next token. */
    CAUSAL,
    /** Single tokens, from the text around them (Devlin et al. 2019). */
    MASKED;
}
