# The formula of Homebrew, in which Scripts/release.sh fills in address, version and hash. Not yet tried on macOS.
class Lab < Formula
  desc "Finds the token-reduction method that makes a vision transformer fast on a device"
  homepage "@URL@"
  url "@URL@/lab-@VERSION@.tar.gz"
  version "@VERSION@"
  sha256 "@SHA256@"
  license "Apache-2.0"

  depends_on "pkgconf" => :build
  depends_on xcode: ["16.3", :build]
  depends_on "jpeg-turbo"
  depends_on "libpng"
  depends_on "libtiff"
  depends_on macos: :sequoia
  depends_on "webp"

  def install
    system "swift", "build", "-c", "release", "--product", "lab", "--disable-sandbox"
    ENV["PREFIX"] = prefix
    ENV["LAB"] = ".build/release/lab"
    system "Scripts/install.sh"
  end

  test do
    system bin/"lab", "run", prefix/"lib/lab/Experiments/quickstart.json", "--results", testpath,
           "--limit", "50", "--only", "accuracy*"
    assert_path_exists testpath/"quickstart/report.html"
  end
end
