package gerbil.base;

/** Told how far a long job is; implementations draw a bar, a line, or nothing. */
@FunctionalInterface
public interface Progress {

    /** A job that reports to nobody. */
    Progress NONE = (what, done, total, unit) -> { };

    /**
     * @param what the job in a few words: "writing tokens"
     * @param done how much is done, in {@code unit}
     * @param total how much there is; 0 when unknown
     * @param unit "tokens", "steps", "documents"
     */
    void update(String what, long done, long total, String unit);
}
