package gerbil.tokens;

import gerbil.corpus.BadFile;
import gerbil.corpus.Block;
import gerbil.corpus.Deduplication;
import gerbil.corpus.Document;
import gerbil.corpus.Fingerprint;
import gerbil.corpus.HeldOut;
import gerbil.tokenizer.IdBuffer;
import gerbil.tokenizer.Tokenizer;

import java.util.ArrayList;
import java.util.List;

/**
 * A block's documents as ids, one after another.
 *
 * @param content of the block, without its documents
 * @param badFile why it, or what follows in its file, could not be read, or null
 */
record EncodedBlock(List<Encoded> documents, IdBuffer ids, Block.Content content, BadFile badFile) {

    /**
     * A document; its ids, still without {@code <|endoftext|>}, are those from {@code from} to before {@code to}.
     */
    record Encoded(String id, String subset, boolean heldOut, int from, int to, int utf8Bytes,
                   Fingerprint fingerprint) {
    }

    /**
     * Reads and encodes a block.
     *
     * @param heldOutOnly whether training documents' ids are not wanted any more
     */
    static EncodedBlock of(Block block, Tokenizer tokenizer, Deduplication deduplication, boolean heldOutOnly) {
        IdBuffer ids = new IdBuffer();
        List<Encoded> encoded = new ArrayList<>();
        try {
            Block.Content content = block.read();
            for (Document document : content.documents()) {
                byte[] utf8 = Tokenizer.utf8(document.text());
                boolean heldOut = HeldOut.contains(Document.textHash(utf8));
                int from = ids.size();
                if (heldOut || !heldOutOnly) {
                    tokenizer.encode(utf8, ids);
                }
                encoded.add(new Encoded(document.id(), document.source(), heldOut, from, ids.size(), utf8.length,
                        Fingerprint.of(document.text(), deduplication)));
            }
            return new EncodedBlock(encoded, ids, new Block.Content(List.of(), content.defects(), content.blank()),
                    content.rest());
        } catch (BadFile e) {
            return bad(e);
        }
    }

    static EncodedBlock bad(BadFile file) {
        return new EncodedBlock(List.of(), new IdBuffer(), new Block.Content(List.of(), List.of(), 0), file);
    }
}
