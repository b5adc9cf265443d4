import java.util.HexFormat;
import org.apache.kafka.tools.api.Decoder;

/** Lets Kafka's dump tool print keys and values as hex: as text, which is its habit, it loses every byte that is not UTF-8. */
public final class HexDecoder implements Decoder<String> {
    @Override
    public String fromBytes(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }
}
